// What a session does for each kind of request.
#include <fmt/format.h>

#include <algorithm>

#include "disk-agent/server.hpp"
#include "disk-agent/session.hpp"
#include "disk/block.hpp"
#include "wire/trim.hpp"

namespace diskpaxos::agent {

namespace {

constexpr std::uint64_t longest_look = 65536;  // blocks of one list

bool lies_within(const Store& store, Extent extent) {
    return extent.first < store.blocks() && extent.count <= store.blocks() - extent.first;
}

Rank promised(ByteView block, const BlockAddress& address) {
    return decode_block(block, address).block.promised;
}

wire::Status status_of(StepVerdict verdict) {
    switch (verdict) {
        case StepVerdict::done:
            return wire::Status::ok;
        case StepVerdict::refused:
            return wire::Status::refused;
        case StepVerdict::conflict:
            return wire::Status::conflict;
        case StepVerdict::damaged:
            return wire::Status::damaged;
        case StepVerdict::above:
            return wire::Status::above;
    }
    UNREACHABLE();
}

}  // namespace

bool Session::read(const wire::Frame& frame) {
    const auto extent = wire::get_read(frame.body);
    if (!extent) return malformed(frame, extent.error());
    const Store& store = served_->store();
    if (!lies_within(store, *extent)) return answer(frame, wire::Status::out_of_range);
    if (extent->count * store.block_size() > server_.limits().largest_body) {
        return malformed(frame, wire::Flaw::too_long);
    }
    for (std::uint64_t i = 0; i < extent->count; ++i) {
        const std::uint64_t number = extent->first + i;
        if (!may_read(rights_, store.block(number))) return forbid(frame, number);
    }
    wire::put_blocks(out_, frame.id, store.blocks(*extent));
    return true;
}

wire::Status Session::refusal_to_change() const {
    if (served_->store().failing()) return wire::Status::failed;
    const bool many = due_[0] + due_[1] >= server_.limits().requests;
    return many ? wire::Status::limit : wire::Status::ok;
}

bool Session::step(const wire::Frame& frame) {
    Store& store = served_->store();
    const auto asked = wire::get_step(frame.body, store.block_size());
    if (!asked) return malformed(frame, asked.error());
    if (asked->block >= store.blocks()) return answer(frame, wire::Status::out_of_range);
    wire::untrim(asked->request, request_);
    if (!well_formed(request_, asked->rank)) return malformed(frame, wire::Flaw::block);
    if (const auto refusal = refusal_to_change(); refusal != wire::Status::ok) {
        return answer(frame, refusal);
    }
    if (!may_step(rights_, store.pending(asked->block), request_, asked->rank)) {
        return forbid(frame, asked->block);
    }
    const std::uint64_t ceiling =
        rights_.format ? no_ceiling : served_->ceiling(server_.time_of_day_ms());
    const bool foreign = !rights_.format && !restores(asked->rank);
    if (foreign && !hold_back(store, served_->promisers(), asked->block, request_, asked->rank,
                              client_.name)) {
        return answer(frame, wire::Status::failed);
    }
    const Store::Outcome outcome =
        store.step(asked->block, request_, asked->rank, before_, ceiling);
    // Who repeats a promise or a write has not made what stands there.
    const BlockAddress address = address_of(request_);
    const bool rises = outcome.verdict == StepVerdict::done &&
                       promised(store.pending(asked->block), address) > promised(before_, address);
    if (rises) served_->promisers().made(asked->block, rights_.format ? "" : client_.name);
    if (outcome.verdict == StepVerdict::above) return answer_above(frame, outcome);
    wire::put_block(answers_after(outcome.until), frame.type, status_of(outcome.verdict), frame.id,
                    before_);
    return true;
}

// To a client that does not know this answer, the disk has failed. It must not take it for a refusal:
// that names a higher promise, and there is none.
bool Session::answer_above(const wire::Frame& frame, const Store::Outcome& outcome) {
    Bytes& out = answers_after(outcome.until);
    if ((features_ & wire::feature_ceiling) != 0) {
        wire::put_above(out, frame.id, outcome.limit, before_);
    } else {
        wire::put_status(out, frame.type, wire::Status::failed, frame.id);
    }
    return true;
}

bool Session::write(const wire::Frame& frame) {
    Store& store = served_->store();
    const auto asked = wire::get_write(frame.body, store.block_size());
    if (!asked) return malformed(frame, asked.error());
    const std::uint64_t count = asked->blocks.size() / store.block_size();
    if (!lies_within(store, {asked->first, count})) {
        return answer(frame, wire::Status::out_of_range);
    }
    if (count > store.most_at_once()) return malformed(frame, wire::Flaw::too_long);
    if (const auto refusal = refusal_to_change(); refusal != wire::Status::ok) {
        return answer(frame, refusal);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        const ByteView next = asked->blocks.subspan(i * store.block_size(), store.block_size());
        if (!may_write(rights_, store.pending(asked->first + i), next)) {
            return forbid(frame, asked->first + i);
        }
    }
    const Lsn until = store.write(asked->first, asked->blocks);
    wire::put_status(answers_after(until), frame.type, wire::Status::ok, frame.id);
    return true;
}

bool Session::watch(const wire::Frame& frame) {
    const auto asked = wire::get_watch(frame.body);
    if (!asked) return malformed(frame, asked.error());
    Store& store = served_->store();
    if (asked->block >= store.blocks()) return answer(frame, wire::Status::out_of_range);
    const ByteView block = store.block(asked->block);
    if (!may_read(rights_, block)) return forbid(frame, asked->block);
    if (watched_.size() >= server_.limits().watches) return answer(frame, wire::Status::full);
    watched_.push_back(asked->block);
    if (ServedStore::due(block, asked->rank)) {
        changed(frame.id, asked->block, block);
    } else {
        served_->watch(asked->block, frame.id, asked->rank, *this);
    }
    return true;
}

// It is read again by whom it was promised to: the register may have got a name meanwhile.
void Session::changed(std::uint64_t id, std::uint64_t number, ByteView block) {
    const auto watched = std::ranges::find(watched_, number);
    CHECK(watched != watched_.end());
    *watched = watched_.back();
    watched_.pop_back();
    const wire::Frame frame{
        .type = wire::Type::watch, .status = wire::Status::ok, .id = id, .body = {}};
    if (may_read(rights_, block)) {
        const bool sound = inspect_checksum(block) == Damage::none;
        wire::put_block(out_, frame.type, sound ? wire::Status::ok : wire::Status::damaged, id,
                        block);
    } else {
        forbid(frame, number);
    }
    flush();
}

// Piece by piece (looks.hpp). Meanwhile other answers may go: this one is made beside them.
Task<bool> Session::list(wire::Frame frame) {
    const auto extent = wire::get_list(frame.body);
    if (!extent) co_return malformed(frame, extent.error());
    const Store& store = served_->store();
    if (extent->first >= store.blocks()) co_return answer(frame, wire::Status::out_of_range);
    const std::uint64_t last =
        std::min({extent->first + extent->count, store.blocks(), extent->first + longest_look});
    Bytes listed;
    wire::ListWriter writer(listed, frame.id);
    std::uint64_t number = extent->first;
    for (bool full = false; number < last && !full;) {
        Looks::Wish wish(server_.looks(), client_.name);
        co_await wish.granted().wait();
        const std::uint64_t piece = std::max<std::uint64_t>(1, Looks::piece / store.block_size());
        full = !list_piece(writer, number, std::min(last, number + piece));
    }
    const bool over = number >= std::min(extent->first + extent->count, store.blocks());
    writer.end(over ? 0 : number);
    out_.insert(out_.end(), listed.begin(), listed.end());
    co_return true;
}

// From `number` on. False: the answer is full.
bool Session::list_piece(wire::ListWriter& writer, std::uint64_t& number, std::uint64_t end) const {
    constexpr std::size_t longest_entry = 9 + wire::longest_name;
    for (; number < end; ++number) {
        if (writer.body_size() + longest_entry > server_.limits().largest_body) return false;
        const ByteView block = served_->store().block(number);
        const Subject subject = subject_of(block);
        if (subject.kind != Subject::Kind::named || !may_read(rights_, block)) continue;
        writer.add(number, subject.name);
    }
    return true;
}

bool Session::rights(const wire::Frame& frame) {
    if (!wire::get_nothing(frame.body)) return malformed(frame, wire::Flaw::length);
    put_rights(frame.id);
    return true;
}

// As they stand now. What does not fit is not told: the client asks in vain for no more than that.
void Session::put_rights(std::uint64_t id) {
    wire::ListWriter writer(out_, id, wire::Type::rights);
    const auto tell = [&](wire::Permission what, const Prefixes& prefixes) {
        for (const std::string& prefix : prefixes) {
            const bool fits = writer.body_size() + 9 + prefix.size() <= server_.limits().largest_body;
            if (fits && prefix.size() <= wire::longest_name) writer.add(what, prefix);
        }
    };
    tell(wire::may_read, rights_.read);
    tell(wire::may_write, rights_.write);
    tell(wire::may_create, rights_.create);
    if (rights_.format) tell(wire::may_format, {""});
    writer.end(0);
}

}  // namespace diskpaxos::agent
