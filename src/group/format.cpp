#include "group/format.hpp"

#include <fmt/format.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/mutant.hpp"
#include "disk/block.hpp"
#include "disk/retired_mark.hpp"
#include "group/seat.hpp"
#include "group/slot_table.hpp"
#include "register/row.hpp"

namespace diskpaxos {

namespace {

constexpr std::uint64_t chunk_bytes = 1U << 20;
constexpr Duration stop_poll = std::chrono::milliseconds(200);

Uuid new_uuid() {
    Uuid uuid;
    uuid_generate_random(reinterpret_cast<unsigned char*>(uuid.data()));
    return uuid;
}

}  // namespace

Superblock new_superblock(std::string name, std::size_t disks, Geometry geometry,
                          std::uint32_t ttl_ms, std::uint64_t now_ms) {
    Superblock superblock;
    superblock.group = new_uuid();
    superblock.name = std::move(name);
    for (std::size_t i = 0; i < disks; ++i) superblock.disks.push_back(new_uuid());
    superblock.geometry = geometry;
    superblock.ttl_ms = ttl_ms;
    superblock.formatted_ms = now_ms;
    return superblock;
}

Formatter::Formatter(World& world, FormatPlan plan, std::function<void(std::uint64_t)> progress)
    : world_(world),
      plan_(std::move(plan)),
      progress_(std::move(progress)),
      errors_(plan_.disks.size()),
      taken_(plan_.disks.size()),
      scope_(world.queue) {
    CHECK(plan_.superblock.disks.size() == plan_.disks.size());
    for (std::size_t disk = 0; disk < plan_.disks.size(); ++disk) {
        if (plan_.disks[disk]->active()) plan_.superblock.active |= 1U << disk;
    }
    plan_.superblock.geometry = formatted(plan_.superblock.geometry, plan_.superblock.kinds());
}

std::uint64_t Formatter::total_bytes() const {
    std::uint64_t bytes = 0;
    for (std::size_t disk = 0; disk < plan_.disks.size(); ++disk) {
        const std::uint32_t size = plan_.superblock.geometry.block_size;
        for (const Extent& chunk : chunks(disk)) bytes += chunk.count * size;
        bytes += old_areas(disk).size() * superblock_area + std::uint64_t{2} * size;
    }
    return bytes;
}

Task<Result<void>> Formatter::run(const bool& stop) {
    stop_ = &stop;
    bool going = co_await on_all(&Formatter::look_before);
    if (going) going = co_await on_all(&Formatter::retire);
    if (going) going = co_await on_all(&Formatter::look);
    if (going) going = co_await on_all(&Formatter::write_all);
    if (going && plan_.wait > Duration(0)) {
        plan_.waiting();
        going = co_await wait();
        if (going) going = co_await on_all(&Formatter::look);
        if (going) going = co_await on_all(&Formatter::write_again);
    }
    if (going) going = co_await on_all(&Formatter::look);
    if (going) going = co_await on_all(&Formatter::forget_before);
    if (going) going = co_await on_all(&Formatter::write_superblocks);
    if (!going) co_return std::unexpected(failure());
    co_return Result<void>();
}

Task<bool> Formatter::on_all(Task<void> (Formatter::*step)(std::size_t)) {
    for (std::size_t disk = 0; disk < plan_.disks.size(); ++disk) {
        scope_.spawn((this->*step)(disk));
    }
    while (!scope_.idle().is_set() && !*stop_) {  // a disk that hangs must not keep us from stopping
        co_await scope_.idle().wait_until(world_.clock, world_.clock.now() + stop_poll);
    }
    const bool taken = std::ranges::count(taken_, 1) > 0;
    co_return !*stop_ && !taken &&
        std::ranges::all_of(errors_, [](int error) { return error == 0; });
}

Task<bool> Formatter::wait() {
    const Instant end = world_.clock.now() + plan_.wait;
    while (world_.clock.now() < end && !*stop_) {
        co_await world_.clock.sleep_until(std::min(end, world_.clock.now() + stop_poll));
    }
    co_return !*stop_;
}

// ---- superblocks ----

Superblock Formatter::ours(std::size_t disk) const {
    Superblock superblock = plan_.superblock;
    superblock.index = static_cast<std::uint16_t>(disk);
    superblock.geometry = superblock.geometry_of(disk);
    return superblock;
}

Before Formatter::before(std::size_t disk) const {
    return disk < plan_.before.size() ? plan_.before[disk] : Before();
}

// Where superblocks may lie, old ones and ours, the front first: what is there tells who has the
// disk. Of a larger group that was here before, the second copy is at the end of the disk.
std::vector<std::uint64_t> Formatter::old_areas(std::size_t disk) const {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const std::uint64_t area = superblock_area / geometry.block_size;
    const std::uint64_t blocks = plan_.disks[disk]->blocks() / area * area;
    std::vector<std::uint64_t> areas{geometry.superblock_first(), geometry.superblock_last(),
                                     blocks - area};
    if (const auto old = before(disk).group) {
        const std::uint64_t end = old->geometry.bytes() / geometry.block_size;
        if (end <= blocks) areas.push_back(end - area);
    }
    std::ranges::sort(areas);
    areas.erase(std::ranges::unique(areas).begin(), areas.end());
    return areas;
}

namespace {

Task<IoPtr> read_front(Disk& disk) {
    const std::uint64_t area = superblock_area / disk.block_size();
    IoPtr io = disk.prepare(Io::Kind::read, Extent{}, Extent{0, area});
    io = co_await Transfer(disk, std::move(io));
    co_return std::move(io);
}

}  // namespace

// Between the look at what is to be overwritten and now, a person was asked and sessions were
// watched: another group may have been made, or be in the making.
Task<void> Formatter::look_before(std::size_t disk) {
    if (disk >= plan_.before.size()) co_return;  // nothing is known of what was there
    const IoPtr io = co_await read_front(*plan_.disks[disk]);
    errors_[disk] = io->error;
    if (io->error != 0) co_return;
    const Before& was = plan_.before[disk];
    const auto now = decode_superblock(io->in.bytes(), 0);
    const bool known = now && was.group && now->group == was.group->group;
    const bool retired = !now && now.error() == Damage::retired;
    taken_[disk] = (now && !known) || (retired && !was.retired);
}

// Ours is what we have left there: the retired superblock with our mark.
Task<void> Formatter::look(std::size_t disk) {
    if (mutated(Mutant::mark_not_looked)) co_return;
    const IoPtr io = co_await read_front(*plan_.disks[disk]);
    errors_[disk] = io->error;
    if (io->error != 0) co_return;
    taken_[disk] = mark_of_retired(io->in.bytes(), 0) != plan_.superblock.group;
}

// Of one that was retired already: how long to wait stands in it, and stays.
Task<bool> Formatter::mark_again(std::size_t disk) {
    const IoPtr front = co_await read_front(*plan_.disks[disk]);
    errors_[disk] = front->error;
    if (front->error != 0) co_return true;
    const std::optional<Retired> retired = decode_retired(front->in.bytes(), 0);
    if (!retired || retired->first) co_return false;  // no group was there before that one, either
    const std::uint64_t area = superblock_area / plan_.superblock.geometry.block_size;
    IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, Extent{0, area}, Extent{});
    std::ranges::copy(front->in.bytes(), io->out.bytes().begin());
    mark_retired(io->out.bytes(), 0, plan_.superblock.group);
    co_await write(disk, std::move(io));
    co_return true;
}

// Where no group was, ours is the one that is not to be used yet: of two that find a disk blank, too,
// only one may come to its end.
Task<void> Formatter::retire(std::size_t disk) {
    const std::uint32_t size = plan_.superblock.geometry.block_size;
    const std::uint64_t area = superblock_area / size;
    const Before was = before(disk);
    const std::optional<Superblock>& old = was.group;
    Retired retired;
    retired.at_ms = plan_.host.now_ms;
    retired.host_name = plan_.host.name;
    retired.wait_ms = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(plan_.wait).count());
    for (const std::uint64_t at : old_areas(disk)) {
        const bool last = old && (at + area) * size == old->geometry.bytes();
        if (at == 0 && was.retired) {
            const bool marked = co_await mark_again(disk);
            if (marked) continue;
        }
        if (at != 0 && !last) {
            co_await wipe(disk, at);
            continue;
        }
        IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, Extent{at, area}, Extent{});
        encode_retired(io->out.bytes(), old ? *old : ours(disk), retired, at == 0 ? 0 : 1);
        mark_retired(io->out.bytes(), at == 0 ? 0 : 1, plan_.superblock.group);
        co_await write(disk, std::move(io));
    }
}

// What is retired beyond the new group would be taken for its second copy, if its first one is
// lost.
Task<void> Formatter::forget_before(std::size_t disk) {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    if (!before(disk).group) co_return;
    for (const std::uint64_t at : old_areas(disk)) {
        if (at > geometry.superblock_last()) co_await wipe(disk, at);
    }
}

Task<void> Formatter::wipe(std::size_t disk, std::uint64_t at) {
    const std::uint64_t area = superblock_area / plan_.superblock.geometry.block_size;
    IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, Extent{at, area}, Extent{});
    std::ranges::fill(io->out.bytes(), std::byte{0});
    co_await write(disk, std::move(io));
}

// ---- everything in between ----

std::vector<Extent> Formatter::chunks(std::size_t disk) const {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const std::uint64_t chunk = chunk_bytes / geometry.block_size;
    const std::uint64_t end = geometry.superblock_last();
    std::vector<Extent> chunks;
    for (std::uint64_t at = geometry.slot_table().first; at < end; at += chunk) {
        chunks.push_back({at, std::min(chunk, end - at)});
    }
    return chunks;
}

// What is to stand there: slot table, cells, and zeroes up to the next 4096 bytes behind either.
void Formatter::fill(std::size_t disk, Extent extent, ByteSpan out) const {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const std::uint64_t tag = Superblock::tag(plan_.superblock.disks[disk]);
    std::ranges::fill(out, std::byte{0});
    for (std::uint64_t i = 0; i < extent.count; ++i) {
        const ByteSpan block = out.subspan(i * geometry.block_size, geometry.block_size);
        const std::uint64_t at = extent.first + i;
        if (at < geometry.cells_begin()) {
            fill_slot_entry(disk, at - geometry.slot_table().first, block);
            continue;
        }
        const std::uint64_t number = at - geometry.cells_begin();  // within all cells
        const auto cell = static_cast<std::uint32_t>(number / geometry.row_blocks());
        const auto in_row = static_cast<std::uint32_t>(number % geometry.row_blocks());
        if (cell >= geometry.cells) continue;
        encode_unused(block, {plan_.superblock.group, tag, cell, &geometry}, in_row);
    }
}

void Formatter::fill_slot_entry(std::size_t disk, std::uint64_t number, ByteSpan block) const {
    const auto slot = static_cast<std::uint32_t>(number / 2);
    if (slot >= plan_.superblock.geometry.slots) return;
    const BlockKind kind = number % 2 == 0 ? BlockKind::claim : BlockKind::owner;
    SlotEntry entry;
    if (kind == BlockKind::owner && in_first_share(slot)) {
        entry.state = SlotState::taken;
        entry.turn = 1;
        entry.since_ms = plan_.host.now_ms;
        entry.host = plan_.host.id;
        entry.boot = plan_.host.boot;
        entry.host_name = plan_.host.name;
    }
    encode_slot_entry(block, slot_address(plan_.superblock, disk, kind, slot), entry);
}

std::uint32_t part_of(std::uint32_t slots, const Geometry& geometry, std::uint32_t tier) {
    const auto up_to = [&](std::uint32_t end) {
        return (slots * end + geometry.slots - 1) / geometry.slots;
    };
    return up_to(geometry.tier_end(tier)) - (tier == 0 ? 0 : up_to(geometry.tier_end(tier - 1)));
}

bool Formatter::in_first_share(std::uint32_t slot) const {
    const Geometry& geometry = plan_.superblock.geometry;
    const std::uint32_t tier = geometry.tier_of(slot);
    const std::uint32_t first = tier == 0 ? 0 : geometry.tier_end(tier - 1);
    return slot - first < part_of(plan_.host_slots, geometry, tier);
}

Task<void> Formatter::write_all(std::size_t disk) {
    for (const Extent& to : chunks(disk)) {
        co_await look(disk);
        if (*stop_ || errors_[disk] != 0 || taken_[disk] != 0) co_return;
        IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, to, Extent{});
        fill(disk, to, io->out.bytes());
        co_await write(disk, std::move(io));
    }
}

// What those who were here have written over it since.
Task<void> Formatter::write_again(std::size_t disk) {
    Disk& device = *plan_.disks[disk];
    const std::size_t size = plan_.superblock.geometry.block_size;
    for (const Extent& from : chunks(disk)) {
        co_await look(disk);
        if (*stop_ || errors_[disk] != 0 || taken_[disk] != 0) co_return;
        IoPtr io = device.prepare(Io::Kind::read, Extent{}, from);
        io = co_await Transfer(device, std::move(io));
        if (io->error != 0) errors_[disk] = io->error;
        Bytes wanted(from.count * size);
        fill(disk, from, wanted);
        for (std::uint64_t i = 0; i < from.count && errors_[disk] == 0; ++i) {
            const ByteView right = ByteView(wanted).subspan(i * size, size);
            if (std::ranges::equal(ByteView(io->in.bytes()).subspan(i * size, size), right))
                continue;
            IoPtr mend = device.prepare(Io::Kind::write, Extent{from.first + i, 1}, Extent{});
            std::ranges::copy(right, mend->out.bytes().begin());
            co_await write(disk, std::move(mend));
        }
    }
}

// The copy at the end first: the front one is what everybody looks at.
Task<void> Formatter::write_superblocks(std::size_t disk) {
    const Superblock superblock = ours(disk);
    const Geometry& geometry = superblock.geometry;
    for (const std::uint32_t copy : {1U, 0U}) {
        const std::uint64_t at =
            copy == 0 ? geometry.superblock_first() : geometry.superblock_last();
        IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
        encode_superblock(io->out.bytes(), superblock, copy);
        co_await write(disk, std::move(io));
    }
}

Task<void> Formatter::write(std::size_t disk, IoPtr io) {
    if (errors_[disk] != 0 || *stop_) co_return;
    const std::uint64_t bytes = io->out.size();
    io = co_await Transfer(*plan_.disks[disk], std::move(io));
    if (io->error != 0) {
        errors_[disk] = io->error;
        co_return;
    }
    written_ += bytes;
    progress_(written_);
}

Error Formatter::failure() const {
    for (std::size_t disk = 0; disk < taken_.size(); ++disk) {
        if (taken_[disk] == 0) continue;
        return {Code::in_use,
                fmt::format("{} was taken by another \"diskpaxos format\" meanwhile; no group was "
                            "made here; see what is there now (\"diskpaxos dump\"), or format again",
                            plan_.disks[disk]->name())};
    }
    for (std::size_t disk = 0; disk < errors_.size(); ++disk) {
        if (errors_[disk] == 0) continue;
        const bool forbidden = errors_[disk] == EACCES;  // by the keeper of an active disk
        return {forbidden ? Code::permission : Code::io,
                fmt::format("{} cannot be written: {}; no group was made",
                                      plan_.disks[disk]->name(), std::strerror(errors_[disk]))};
    }
    return {Code::io, "interrupted; no group was made, format again"};
}

}  // namespace diskpaxos
