#include "remote/agent_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hpp"
#include "base/errno_text.hpp"
#include "disk/step.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::remote {

namespace {

constexpr Duration rest = std::chrono::milliseconds(10);  // when the agent has no room

wire::Type type_of(Io::Kind kind) {
    switch (kind) {
        case Io::Kind::read:
            return wire::Type::read;
        case Io::Kind::write:
            return wire::Type::write;
        case Io::Kind::step:
            return wire::Type::step;
        case Io::Kind::watch:
            return wire::Type::watch;
        case Io::Kind::visit:
            break;
    }
    UNREACHABLE();  // a visit is for passive disks
}

// What a status that carries nothing means to who waits; 0: it means something else.
int error_of(wire::Status status) {
    switch (status) {
        case wire::Status::forbidden:
            return EACCES;
        case wire::Status::full:
            return EBUSY;
        case wire::Status::malformed:
            return EPROTO;
        case wire::Status::failed:
            return EIO;
        case wire::Status::out_of_range:
            return ERANGE;
        default:
            return 0;
    }
}

Extent blocks_of(const Io& io) {
    return io.kind == Io::Kind::write ? io.to : io.from;
}

}  // namespace

bool AgentDisk::lets(Right right, std::string_view name) const {
    const std::uint64_t wanted = right == Right::read     ? wire::may_read
                                 : right == Right::format ? wire::may_format
                                                          : wire::may_write | wire::may_create;
    return std::ranges::any_of(rights_, [&](const auto& given) {
        const bool its = right == Right::format || name.starts_with(given.second);
        return (given.first & wanted) != 0 && its;
    });
}

// To who may not read every name an agent says "failed" of damage as well (PROTOCOL.md).
int AgentDisk::untold(const Io& io, int error) const {
    const bool told = io.kind == Io::Kind::write || lets(Right::read, "");
    return error == EIO && !told ? error_untold : error;
}

// What it was when it was told, and what has passed since.
std::optional<std::uint64_t> AgentDisk::keeper_ms() const {
    if ((welcome_.features & wire::feature_ceiling) == 0) return {};
    const Duration since = world_.clock.now() - connected_at_;
    return welcome_.time_ms + static_cast<std::uint64_t>(since / std::chrono::milliseconds(1));
}

void AgentDisk::submit(Io& io) {
    CHECK(io.kind != Io::Kind::visit && blocks_of(io).count > 0);
    const Instant now = world_.clock.now();
    begin_trip(io, now);
    if (io.kind == Io::Kind::watch && take_over_watch(io)) return;
    trips_of(io).push_back(io);
    send_waiting();
    if (now + patience() < asleep_until_) news_.set();
}

// A watch cannot be taken back. One that nobody waits for any more serves the next who watches the
// same register from the same rank on, or a higher one; so they never fill the agent.
bool AgentDisk::take_over_watch(Io& io) {
    drop_abandoned_watches();
    for (Io* old = flying_watches_.front(); old != nullptr; old = trip_of(*old).next) {
        const bool serves = old->from.first == io.from.first && old->rank <= io.rank;
        if (!serves || !abandoned(*old)) continue;
        trip_of(io).slot = trip_of(*old).slot;
        slots_.at(trip_of(io).slot).io = &io;
        flying_watches_.remove(*old);
        flying_watches_.push_back(io);
        end(*old, ECANCELED);
        return true;
    }
    return false;
}

void AgentDisk::drop_abandoned_watches() {
    for (Io* io = waiting_watches_.front(); io != nullptr;) {
        Io* const next = trip_of(*io).next;
        if (abandoned(*io)) {
            waiting_watches_.remove(*io);
            end(*io, ECANCELED);
        }
        io = next;
    }
}

Trips& AgentDisk::trips_of(Io& io) {
    const bool flies = trip_of(io).slot != Trip::no_slot;
    if (io.kind == Io::Kind::watch) return flies ? flying_watches_ : waiting_watches_;
    return flies ? flying_ : waiting_;
}

void AgentDisk::send_waiting() {
    if (stream_ == nullptr || rest_until_ > world_.clock.now()) return;
    while (!waiting_.empty() && slots_.requests() < welcome_.requests) send(*waiting_.front());
    while (!waiting_watches_.empty() && slots_.watches() < welcome_.watches) {
        send(*waiting_watches_.front());
    }
}

void AgentDisk::send(Io& io) {
    trips_of(io).remove(io);
    const Slots::Slot& slot = slots_.take(type_of(io.kind), &io);
    trip_of(io).slot = Slots::place_of(slot.id);
    trips_of(io).push_back(io);
    compose(io, slot.id);
    stream_->put(frame_);
    last_asked_ = world_.clock.now();
}

void AgentDisk::compose(Io& io, std::uint64_t id) {
    const std::uint32_t done = trip_of(io).done;
    const std::uint32_t count = next_piece(io, done);
    frame_.clear();
    switch (io.kind) {
        case Io::Kind::read:
            return wire::put_read(frame_, id, {io.from.first + done, count});
        case Io::Kind::write: {
            const std::size_t size = block_size();
            const ByteView blocks = io.out.bytes().subspan(done * size, count * size);
            return wire::put_write(frame_, id, io.to.first + done, blocks);
        }
        case Io::Kind::step:
            return wire::put_step(frame_, id, io.to.first, io.rank, io.out.bytes());
        case Io::Kind::watch:
            return wire::put_watch(frame_, id, io.from.first, io.rank);
        case Io::Kind::visit:
            UNREACHABLE();
    }
}

// How many blocks the next piece of a long read or write has.
std::uint32_t AgentDisk::next_piece(const Io& io, std::uint32_t done) const {
    constexpr std::size_t address = 8;  // of a write, before its blocks
    const auto most = static_cast<std::uint32_t>((welcome_.largest_body - address) / block_size());
    return std::min(static_cast<std::uint32_t>(blocks_of(io).count) - done, most);
}

// Nobody has asked: the agent says that they have changed.
bool AgentDisk::told_rights(const wire::Frame& frame) {
    auto rights = rights_in(frame);
    if (!rights || (welcome_.features & wire::feature_rights) == 0) return false;
    rights_ = std::move(*rights);
    return true;
}

bool AgentDisk::answered(const wire::Frame& frame) {
    if (frame.id == wire::unasked) return told_rights(frame);
    Slots::Slot* const slot = slots_.find(frame.id);
    if (slot == nullptr || slot->type != frame.type) return false;
    Io* const io = slot->io;
    slots_.free(*slot);
    if (frame.type == wire::Type::ping) {
        pinging_ = false;
        news_.set();             // the next one is due in a while
    } else if (io != nullptr) {  // else it is too late: nobody waits any more
        trips_of(*io).remove(*io);
        trip_of(*io).slot = Trip::no_slot;
        if (!taken(*io, frame)) {
            end(*io, EPROTO);
            return false;
        }
    }
    send_waiting();
    return true;
}

// The request is in no list and no slot now: it ends here, or goes back to those that wait.
bool AgentDisk::taken(Io& io, const wire::Frame& frame) {
    if (frame.status == wire::Status::limit) {
        put_off(io);
        return true;
    }
    if (const int error = error_of(frame.status); error != 0) {
        end(io, untold(io, error));
        return true;
    }
    const bool long_one = io.kind == Io::Kind::read || io.kind == Io::Kind::write;
    return long_one ? take_piece(io, frame) : take_block(io, frame);
}

void AgentDisk::put_off(Io& io) {
    trip_of(io).put_off = true;
    trips_of(io).push_front(io);
    rest_until_ = world_.clock.now() + rest;
    news_.set();
}

bool AgentDisk::take_piece(Io& io, const wire::Frame& frame) {
    std::uint32_t& done = trip_of(io).done;
    const std::uint32_t count = next_piece(io, done);
    const std::size_t size = io.kind == Io::Kind::read ? std::size_t{count} * block_size() : 0;
    if (frame.status != wire::Status::ok || frame.body.size() != size) return false;
    const std::size_t at = std::size_t{done} * block_size();
    if (size > 0) std::ranges::copy(frame.body, io.in.bytes().subspan(at).begin());
    done += count;
    if (done == blocks_of(io).count) {
        io.wrote = io.kind == Io::Kind::write;
        end(io, 0);
    } else {
        trips_of(io).push_front(io);
    }
    return true;
}

// Above the ceiling: nothing was done, and the block is shown as it stands.
bool AgentDisk::take_above(Io& io, const wire::Frame& frame) {
    const auto above = wire::get_above(frame.body, block_size());
    if (io.kind != Io::Kind::step || !above) return false;
    wire::untrim(above->block, io.in.bytes());
    io.verdict = StepVerdict::above;
    io.limit = above->limit;
    end(io, 0);
    return true;
}

bool AgentDisk::take_block(Io& io, const wire::Frame& frame) {
    if (frame.status == wire::Status::above) return take_above(io, frame);
    switch (frame.status) {
        case wire::Status::ok:
            io.verdict = StepVerdict::done;
            break;
        case wire::Status::refused:
            io.verdict = StepVerdict::refused;
            break;
        case wire::Status::conflict:
            io.verdict = StepVerdict::conflict;
            break;
        case wire::Status::damaged:
            io.verdict = StepVerdict::damaged;
            break;
        default:
            return false;
    }
    const bool step = io.kind == Io::Kind::step;
    if (!step &&
        (frame.status == wire::Status::refused || frame.status == wire::Status::conflict)) {
        return false;
    }
    if (!wire::untrim(frame.body, io.in.bytes())) return false;
    io.wrote = step && io.verdict == StepVerdict::done;
    end(io, 0);
    return true;
}

void AgentDisk::end(Io& io, int error) {
    io.error = error;
    const Duration took = world_.clock.now() - trip_of(io).started;
    io.nanoseconds = static_cast<std::uint64_t>(took.count());
    io.finish();
}

}  // namespace diskpaxos::remote
