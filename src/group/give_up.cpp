#include "group/give_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/errno_text.hpp"
#include "disk/ceiling.hpp"
#include "disk/door.hpp"
#include "disk/step.hpp"
#include "group/directory.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_both{.read = true, .write = true};
}  // namespace

void GivingUp::take(const Decoded& copy, Seen& seen) const {
    if (copy.state != BlockState::valid) return;
    seen.highest = std::max({seen.highest, copy.block.promised, copy.block.accepted});
    if (copy.block.accepted <= seen.accepted || !group_.format().valid(copy.block.value)) return;
    seen.accepted = copy.block.accepted;
    seen.record.assign(copy.block.value.begin(), copy.block.value.end());
    seen.name = group_.format().view(seen.record).name;
}

GivingUp::Seen GivingUp::look(std::uint32_t cell) const {
    const Roster& roster = group_.roster();
    Seen seen;
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        const int error = rows_.error(disk, cell);
        if (error == 0) seen.whole.insert(disk);
        else if (!seen.unread) seen.unread = Unread{disk, error};
    }
    const std::uint32_t places = roster.passive().empty() ? 1 : roster.shapes[0].places();
    for (std::uint32_t place = 0; place < places; ++place) {
        const std::vector<Decoded> copies = rows_.copies(cell, place);
        for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
            if (copies[disk].state == BlockState::unknown) seen.whole.erase(disk);
            take(copies[disk], seen);
        }
    }
    return seen;
}

// What does not answer is not lost: it may hold what was acknowledged last.
Error GivingUp::unknown(const Unread& unread, const std::string& name) const {
    if (not_shown(unread.error)) return not_ours(unread.disk);
    const bool absent = group_.roster().members[unread.disk] == nullptr;
    const std::string why = absent ? "is absent" : "cannot be read: " + errno_text(unread.error);
    return {Code::no_quorum,
            fmt::format("disk {0} {1}, and may hold a newer copy of \"{2}\"; nothing was given up; "
                        "bring it back, or if it is gone for good, give its place to another one "
                        "first (\"check --repair --replace {0} --old-is-gone\")",
                        unread.disk + 1, why, name)};
}

// A disk that refuses us has nothing wrong with it.
Error GivingUp::not_ours(std::size_t disk) const {
    const Disk* device = group_.roster().members[disk];
    const bool reads = device == nullptr || device->lets(Right::read, "");
    const char* const missing = !reads ? "\"read = *\", for what is damaged may be anybody's"
                                       : "\"format = yes\", which restores what is damaged";
    return {Code::permission,
            fmt::format("the agent of disk {} of group {} does not let us give up a name: that takes "
                        "the right {}; see its --access file; nothing was given up",
                        disk + 1, group_.roster().common.name, missing)};
}

// The first disk whose agent lets us give up nothing.
std::optional<std::size_t> GivingUp::refusing() const {
    const Roster& roster = group_.roster();
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        const Disk* device = roster.members[disk];
        if (device == nullptr) continue;
        const bool lets = device->lets(Right::read, "") && device->lets(Right::format, "");
        if (!lets) return disk;
    }
    return std::nullopt;
}

// Along the way on which the name itself would be found (directory.cpp). A lost cell that shows no
// name at all may be this one's or another's.
Task<Result<LostName>> GivingUp::find(std::string name) {
    if (const auto disk = refusing()) co_return std::unexpected(not_ours(*disk));
    const std::uint32_t cells = group_.geometry().cells;
    std::optional<LostName> nameless;
    for (std::uint32_t step = 0; step < cells; ++step) {
        const std::uint32_t cell = Directory::probe(name, step, cells);
        co_await rows_.read(cell, 1);
        const Seen seen = look(cell);
        const bool lost = !group_.rule().suffices(for_both, seen.whole);
        if (!seen.name.empty() && seen.name != name) continue;
        if (lost && seen.unread) co_return std::unexpected(unknown(*seen.unread, name));
        if (!lost && seen.name == name) {
            co_return std::unexpected(
                Error{Code::no,
                      fmt::format("a majority still has \"{}\"; \"check --repair\" heals the rest",
                                  name)});
        }
        LostName found{.cell = cell, .named = !seen.name.empty(), .version = 0, .value = {}};
        if (found.named) {
            const CellView view = group_.format().view(seen.record);
            found.version = view.version;
            found.state = view.state;
            found.value.assign(view.value.begin(), view.value.end());
        }
        if (lost && found.named) co_return found;
        if (lost && !nameless) nameless = std::move(found);
        if (!lost) break;  // nobody's: behind it the name cannot be
    }
    if (nameless) co_return *nameless;
    co_return std::unexpected(
        Error{Code::no, fmt::format("nothing of \"{}\" is lost: no cell was ever its own", name)});
}

Task<Result<std::uint64_t>> GivingUp::run(LostName lost, std::string name, Successor successor) {
    const RecordFormat& format = group_.format();
    const Proposer me = group_.seat()->me;
    co_await rows_.read(lost.cell, 1);
    Seen seen = look(lost.cell);
    // A person was asked since: a disk may have left, and another one's giving up may be over.
    if (seen.unread) co_return std::unexpected(unknown(*seen.unread, name));
    if (group_.rule().suffices(for_both, seen.whole)) {
        co_return std::unexpected(
            Error{Code::no, fmt::format("a majority has \"{}\" again; nothing was given up", name)});
    }
    Rank rank{seen.highest.round + rounds, me};
    while (!format.nameable(rank.round)) ++rank.round;
    if (rank.round >= last_round) {
        co_return std::unexpected(Error{
            Code::bad_data, fmt::format("cell {} has no room for ranks left; what remains is a new "
                                        "group",
                                        lost.cell)});
    }
    Merge own;  // of our own place, as far as it can be read: it must not go back
    std::vector<Decoded> copies;
    if (group_.seat()->announced()) {
        const std::uint32_t ring = group_.geometry().ring;
        copies = rows_.copies(lost.cell, group_.seat()->slot * ring + group_.seat()->ring_index);
        own = merge(copies, group_.roster().passive());
    }
    const Error too_few{Code::no_quorum,
                        "too few disks take a write: nothing was given up; bring them back"};
    Block block{me, 1, rank, own.block.accepted, own.block.committed, own.block.value};
    const bool promised = co_await everywhere(lost.cell, block, seen);
    if (!promised) co_return std::unexpected(too_few);

    const CellView base = format.view(seen.record);
    Draft draft;
    draft.state = base.state;
    draft.value.assign(base.value.begin(), base.value.end());
    successor(base, draft);
    const CellView next{base.version + versions, draft.state, name, draft.value};
    const std::uint64_t version = next.version;
    Bytes record;
    format.succeed(record, seen.record, seen.accepted.round, next, rank);
    block.seq = 2;
    block.accepted = rank;
    block.value = record;
    const bool accepted = co_await everywhere(lost.cell, block, seen);
    if (!accepted) co_return std::unexpected(too_few);
    if (seen.highest > rank) {
        co_return std::unexpected(
            Error{Code::unknown_outcome, "somebody else works on the same cell; look at it again"});
    }
    co_return version;
}

Task<bool> GivingUp::everywhere(std::uint32_t cell, const Block& block, Seen& seen) {
    DiskSet done;
    for (std::size_t disk = 0; disk < group_.roster().disks(); ++disk) {
        const bool there = group_.roster().members[disk] != nullptr && rows_.error(disk, cell) == 0;
        if (!there) continue;
        const bool put_there = co_await put(disk, cell, block, seen);
        if (put_there) done.insert(disk);
    }
    co_return group_.rule().suffices(for_both, done);
}

Task<bool> GivingUp::put(std::size_t disk, std::uint32_t cell, Block block, Seen& seen) {
    const bool active = group_.roster().common.is_active(disk);
    auto putting =
        active ? step_register(disk, cell, block, seen) : put_in_place(disk, cell, block, seen);
    co_return co_await putting;
}

// Our door, our block, and then the row: what was counted there before stands in it.
Task<bool> GivingUp::put_in_place(std::size_t disk, std::uint32_t cell, Block block, Seen& seen) {
    const Seat& seat = *group_.seat();
    if (!seat.open.contains(disk)) co_return false;
    Disk& device = *group_.roster().members[disk];
    const Geometry& geometry = group_.roster().geometry(disk);
    const RowAddress address = group_.roster().row(disk, cell);
    const Place place = seat.slot * geometry.ring + seat.ring_index;
    if (const std::uint32_t tier = geometry.tier_of(seat.slot); tier > 0) {
        IoPtr door =
            device.prepare(Io::Kind::write, Extent{geometry.door(cell, tier), 1}, Extent{});
        encode_door(door->out.bytes(), address.door(tier), DoorState::open);
        door = co_await Transfer(device, std::move(door));
        if (door->error != 0) co_return false;
    }
    IoPtr io =
        device.prepare(Io::Kind::visit, Extent{geometry.block(cell, place), 1}, geometry.row(cell));
    encode_block(io->out.bytes(), address.block(place), block);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return false;
    const bool damaged = rows_.copies(cell, place)[disk].state == BlockState::unknown;
    if (damaged && block.accepted == block.promised) ++mended_;
    const std::size_t size = geometry.block_size;
    for (Place other = 0; other < geometry.places(); ++other) {
        const ByteView bytes = io->in.bytes().subspan((geometry.doors() + other) * size, size);
        take(decode_block(bytes, address.block(other)), seen);
    }
    co_return true;
}

Task<bool> GivingUp::step_register(std::size_t disk, std::uint32_t cell, Block block, Seen& seen) {
    Disk& device = *group_.roster().members[disk];
    const Extent where = group_.roster().geometry(disk).row(cell);
    const BlockAddress address = group_.roster().row(disk, cell).block(0);
    const bool accepting = block.accepted == block.promised;
    if (!accepting) {  // what we accepted before is there already, or is old
        block.accepted = Rank();
        block.value = {};
    }
    IoPtr present = device.prepare(Io::Kind::read, Extent{}, where);
    present = co_await Transfer(device, std::move(present));
    if (present->error != 0) co_return false;
    const Decoded before = decode_block(present->in.bytes(), address);
    const bool damaged = before.state == BlockState::unknown;
    if (damaged && !accepting) co_return true;
    IoPtr io = device.prepare(Io::Kind::step, where, where);
    io->rank = damaged ? restoring(present->in.bytes()) : block.promised;
    encode_block(io->out.bytes(), address, block);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0 || io->verdict != StepVerdict::done) co_return false;
    if (damaged) ++mended_;
    else take(decode_block(io->in.bytes(), address), seen);
    co_return true;
}

}  // namespace diskpaxos
