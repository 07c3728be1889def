#include "cli/dump_cells.hpp"

#include <fmt/format.h>

#include "base/errno_text.hpp"
#include "cli/lock_view.hpp"
#include "cli/named_json.hpp"
#include "register/row.hpp"

namespace diskpaxos::cli {

// "7/3:1f2e": round, slot, and the beginning of the incarnation; where nobody has a slot "7/a1b2c3d4".
std::string DumpedDisk::text_of_rank(Rank rank) const {
    if (rank.none()) return "-";
    if (group.kinds() == DiskKinds::active) {
        return fmt::format("{}/{:08x}", rank.round, rank.proposer.value >> 32);
    }
    return fmt::format("{}/{}:{:04x}", rank.round, rank.proposer.slot(),
                       rank.proposer.value & 0xffff);
}

Json DumpedDisk::json_of_rank(Rank rank) const {
    if (rank.none()) return nullptr;
    Json object;
    object["round"] = rank.round;
    if (group.kinds() != DiskKinds::active) object["slot"] = rank.proposer.slot();
    object["incarnation"] = fmt::format("{:016x}", rank.proposer.value);
    return object;
}

namespace {

std::string holder_text(const Holder& holder) {
    return fmt::format("slot {} epoch {} token {}", holder.session.slot, holder.session.epoch,
                       holder.token);
}

std::string lock_text(const LockRecord& lock) {
    std::vector<std::string> holders;
    for (const Holder& holder : lock.holders) holders.push_back(holder_text(holder));
    std::vector<std::string> waiters;
    for (const Waiter& waiter : lock.waiters) {
        waiters.push_back(fmt::format("slot {} ({})", waiter.slot, describe(waiter.mode)));
    }
    std::string text = fmt::format("last token {}", lock.token);
    if (holders.empty()) text += ", free";
    else text += fmt::format(", {} by {}", lock.exclusive ? "exclusive" : "shared", list(holders));
    if (!waiters.empty()) text += fmt::format("; {} waiting", list(waiters));
    if (!lock.value.empty()) {
        text += fmt::format("; value \"{}\"{}", printable(as_text(lock.value)),
                            lock.doubtful ? " (doubtful)" : "");
    }
    return text;
}

std::string session_text(const SessionRecord& session) {
    const std::string whose =
        fmt::format("host {}, pid {}", printable(session.host_name), session.pid);
    const std::string what =
        fmt::format("\"{}\" since {}, TTL {}, {}", printable(session.command),
                    rfc3339(session.since_ms), brief(std::chrono::milliseconds(session.ttl_ms)),
                    counted(session.beat, "renewal", "renewals"));
    switch (session.state) {
        case SessionState::live: return fmt::format("live: {}, {}", whose, what);
        case SessionState::left: return fmt::format("left: {}, {}", whose, what);
        case SessionState::evicted: return fmt::format("evicted by {}: {}", whose, what);
    }
    return "";
}

std::string content_of(const CellView& view) {
    if (view.state == CellState::lock) {
        if (const auto lock = decode_lock(view.value)) return lock_text(*lock);
    }
    if (view.state == CellState::session) {
        if (const auto session = decode_session(view.value)) return session_text(*session);
    }
    return fmt::format("\"{}\"", printable(as_text(view.value)));
}

Json described_lock(ByteView value) {
    const auto lock = decode_lock(value);
    if (!lock) return nullptr;
    Json object;
    object["token"] = lock->token;
    object["mode"] = lock->holders.empty() ? Json() : Json(lock->exclusive ? "exclusive" : "shared");
    object["holders"] = Json::array();
    for (const Holder& holder : lock->holders) {
        object["holders"].push_back({{"slot", holder.session.slot},
                                     {"epoch", holder.session.epoch},
                                     {"token", holder.token}});
    }
    object["waiters"] = Json::array();
    for (const Waiter& waiter : lock->waiters) {
        object["waiters"].push_back({{"slot", waiter.slot}, {"mode", describe(waiter.mode)}});
    }
    put_value(object, lock->value);
    object["value_doubtful"] = lock->doubtful;
    return object;
}

Json described_session(ByteView value) {
    const auto session = decode_session(value);
    if (!session) return nullptr;
    Json object;
    object["state"] = describe(session->state);
    object["epoch"] = session->epoch();
    put_session(object, *session);
    object["renewals"] = session->beat;
    return object;
}

}  // namespace

const char* sound_or(Damage damage) { return damage == Damage::none ? "sound" : describe(damage); }

Task<IoPtr> DumpedDisk::read(Extent extent) {
    if (silent_) co_return IoPtr();
    answered_.reset();
    scope_.spawn(ask(extent));
    silent_ = !co_await answered_.wait_until(world_.clock, world_.clock.now() + patience_);
    co_return std::move(answer_);
}

Task<void> DumpedDisk::ask(Extent extent) {
    IoPtr io = disk_.prepare(Io::Kind::read, Extent{}, extent);
    io = co_await Transfer(disk_, std::move(io));
    answer_ = std::move(io);
    answered_.set();
}

Task<bool> DumpedDisk::read_tables() {
    const std::uint64_t area = superblock_area / group.geometry.block_size;
    for (const std::uint32_t copy : {0U, 1U}) {
        const std::uint64_t first =
            copy == 0 ? group.geometry.superblock_first() : group.geometry.superblock_last();
        const IoPtr io = co_await read(Extent{first, area});
        superblocks[copy] = Damage::checksum;
        if (!io || io->error != 0) continue;
        const auto decoded = decode_superblock(io->in.bytes(), copy);
        superblocks[copy] = decoded ? Damage::none : decoded.error();
    }
    const IoPtr io = co_await read(group.geometry.slot_table());
    if (!io || io->error != 0) co_return false;
    table = decode_slot_table(io->in.bytes(), group, group.index);
    co_return true;
}

Task<bool> DumpedDisk::dump_cells(CellFilter filter, Json& list, Output& out) {
    bool all_read = true;
    for (std::uint32_t cell = 0; cell < group.geometry.cells && !silent_; ++cell) {
        if (filter.number && *filter.number != cell) continue;
        const IoPtr io = co_await read(group.geometry.row(cell));
        if (!io) break;
        if (io->error != 0) {
            out.warn(fmt::format("cell {} cannot be read: {}", cell, errno_text(io->error)));
            all_read = false;
            continue;
        }
        dump_row(cell, io->in.bytes(), filter, list, out);
    }
    co_return all_read && !silent_;
}

void DumpedDisk::dump_row(std::uint32_t cell, ByteView row, const CellFilter& filter, Json& list,
                          Output& out) {
    const RowAddress address{group.group, group.disk_tag(), cell, &group.geometry};
    const std::size_t size = group.geometry.block_size;
    const std::uint32_t doors = group.geometry.doors();
    for (std::uint32_t tier = 1; tier <= doors; ++tier) {
        const DoorState door = decode_door(row.subspan((tier - 1) * size, size), address.door(tier));
        if (!filter.number && (filter.name || door == DoorState::closed)) continue;
        if (retired && door == DoorState::unknown) continue;
        dump_door(address.door(tier), door, list, out);
    }
    for (Place place = 0; place < group.geometry.places(); ++place) {
        const BlockAddress expected = address.block(place);
        const Decoded block = decode_block(row.subspan((doors + place) * size, size), expected);
        if (!wanted(block, filter)) continue;
        out.line(text_of(expected, block, out));
        if (out.json()) list.push_back(described(expected, block));
    }
}

void DumpedDisk::dump_door(const BlockAddress& address, DoorState state, Json& list,
                           Output& out) const {
    const char* const word = state == DoorState::closed ? "closed"
                             : state == DoorState::open ? "open"
                                                        : "damaged";
    out.line(fmt::format("  cell {} door {}  {}", address.cell, address.slot, word));
    if (out.json()) list.push_back({{"cell", address.cell}, {"door", address.slot}, {"state", word}});
}

bool DumpedDisk::wanted(const Decoded& block, const CellFilter& filter) {
    const bool others = retired && block.state == BlockState::unknown && block.damage == Damage::foreign;
    if (others) ++of_others;
    if (others) return false;
    if (filter.number) return true;
    if (!filter.name) return block.state != BlockState::initial;
    const bool record = block.state == BlockState::valid && !block.block.value.empty() &&
                        format_.valid(block.block.value);
    return record && format_.view(block.block.value).name == *filter.name;
}

Json DumpedDisk::described(const BlockAddress& address, const Decoded& decoded) const {
    Json object;
    object["cell"] = address.cell;
    object["slot"] = address.slot;
    object["ring"] = address.ring;
    const char* state = decoded.state == BlockState::valid     ? "valid"
                        : decoded.state == BlockState::initial ? "initial"
                                                               : "unknown";
    object["state"] = state;
    if (decoded.state == BlockState::unknown) object["damage"] = describe(decoded.damage);
    if (decoded.state != BlockState::valid) return object;
    const Block& block = decoded.block;
    object["incarnation"] = fmt::format("{:016x}", block.incarnation.value);
    object["seq"] = block.seq;
    object["promised"] = json_of_rank(block.promised);
    object["accepted"] = json_of_rank(block.accepted);
    object["committed"] = json_of_rank(block.committed);
    object["record"] = nullptr;
    if (block.value.empty() || !format_.valid(block.value)) return object;
    const CellView view = format_.view(block.value);
    Json record;
    put_text(record, "name", view.name);
    record["state"] = diskpaxos::cli::describe(view.state);
    record["version"] = view.version;
    put_value(record, view.value);
    if (view.state == CellState::lock) record["lock"] = described_lock(view.value);
    if (view.state == CellState::session) record["session"] = described_session(view.value);
    object["record"] = std::move(record);
    return object;
}

std::string DumpedDisk::text_of(const BlockAddress& address, const Decoded& decoded,
                                const Output& out) const {
    const std::string where =
        group.geometry.active
            ? fmt::format("  cell {}", address.cell)
            : fmt::format("  cell {} slot {}.{}", address.cell, address.slot, address.ring);
    if (decoded.state == BlockState::unknown) {
        return fmt::format("{}  {}", where, out.paint(Colour::bad, describe(decoded.damage)));
    }
    if (decoded.state == BlockState::initial) return where + "  initial";
    const Block& block = decoded.block;
    std::string text = fmt::format("{}  promised {}  accepted {}  committed {}  seq {}", where,
                                   text_of_rank(block.promised), text_of_rank(block.accepted),
                                   text_of_rank(block.committed), block.seq);
    if (block.value.empty()) return text;
    if (!format_.valid(block.value)) return text + "  a value that is no record";
    const CellView view = format_.view(block.value);
    return text + fmt::format("  \"{}\" version {} {} {}", printable(view.name), view.version,
                              diskpaxos::cli::describe(view.state), content_of(view));
}

}  // namespace diskpaxos::cli
