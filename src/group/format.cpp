#include "group/format.hpp"

#include <fmt/format.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "disk/block.hpp"
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
      scope_(world.queue) {
    CHECK(plan_.superblock.disks.size() == plan_.disks.size());
    for (std::size_t disk = 0; disk < plan_.disks.size(); ++disk) {
        if (plan_.disks[disk]->active()) plan_.superblock.active |= 1U << disk;
    }
}

std::uint64_t Formatter::total_bytes() const {
    std::uint64_t bytes = 0;
    for (std::size_t disk = 0; disk < plan_.disks.size(); ++disk) {
        bytes += plan_.superblock.geometry_of(disk).bytes();
    }
    return bytes;
}

Task<Result<void>> Formatter::run(const bool& stop) {
    stop_ = &stop;
    bool going = co_await on_all(&Formatter::wipe_superblocks);
    if (going) going = co_await on_all(&Formatter::write_slot_table);
    if (going) going = co_await on_all(&Formatter::write_cells);
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
    co_return !*stop_ && std::ranges::all_of(errors_, [](int error) { return error == 0; });
}

Task<void> Formatter::wipe_superblocks(std::size_t disk) {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const std::uint64_t area = superblock_area / geometry.block_size;
    // Of a larger group that was here before, the second copy is at the end of the disk.
    const std::uint64_t end = plan_.disks[disk]->blocks() / area * area - area;
    for (const std::uint64_t first :
         {geometry.superblock_first(), geometry.superblock_last(), end}) {
        IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, Extent{first, area}, Extent{});
        std::ranges::fill(io->out.bytes(), std::byte{0});
        co_await write(disk, std::move(io));
    }
}

Task<void> Formatter::write_slot_table(std::size_t disk) {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const Extent table{geometry.slot_table().first,
                       geometry.cells_begin() - geometry.slot_table().first};
    IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, table, Extent{});
    std::ranges::fill(io->out.bytes(), std::byte{0});
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
        SlotEntry entry;
        const SlotEntry unclaimed;
        if (in_first_share(slot)) {
            entry.state = SlotState::taken;
            entry.turn = 1;
            entry.since_ms = plan_.host.now_ms;
            entry.host = plan_.host.id;
            entry.boot = plan_.host.boot;
            entry.host_name = plan_.host.name;
        }
        const std::size_t size = geometry.block_size;
        const std::size_t at = 2 * slot * size;
        encode_slot_entry(io->out.bytes().subspan(at, size),
                          slot_address(plan_.superblock, disk, BlockKind::claim, slot), unclaimed);
        encode_slot_entry(io->out.bytes().subspan(at + size, size),
                          slot_address(plan_.superblock, disk, BlockKind::owner, slot), entry);
    }
    co_await write(disk, std::move(io));
}

std::uint32_t part_of(std::uint32_t slots, const Geometry& geometry, std::uint32_t tier) {
    const auto up_to = [&](std::uint32_t end) { return (slots * end + geometry.slots - 1) / geometry.slots; };
    return up_to(geometry.tier_end(tier)) - (tier == 0 ? 0 : up_to(geometry.tier_end(tier - 1)));
}

bool Formatter::in_first_share(std::uint32_t slot) const {
    const Geometry& geometry = plan_.superblock.geometry;
    const std::uint32_t tier = geometry.tier_of(slot);
    const std::uint32_t first = tier == 0 ? 0 : geometry.tier_end(tier - 1);
    return slot - first < part_of(plan_.host_slots, geometry, tier);
}

Task<void> Formatter::write_cells(std::size_t disk) {
    const Geometry geometry = plan_.superblock.geometry_of(disk);
    const std::uint64_t end = geometry.superblock_last();
    const std::uint64_t chunk = chunk_bytes / geometry.block_size;
    const std::uint64_t tag = Superblock::tag(plan_.superblock.disks[disk]);
    std::uint64_t number = 0;  // of the block within all cells
    for (std::uint64_t at = geometry.cells_begin(); at < end && !*stop_ && errors_[disk] == 0;) {
        const Extent to{at, std::min(chunk, end - at)};
        IoPtr io = plan_.disks[disk]->prepare(Io::Kind::write, to, Extent{});
        for (std::uint64_t i = 0; i < to.count; ++i, ++number) {
            const ByteSpan block = io->out.bytes().subspan(i * geometry.block_size, geometry.block_size);
            const auto cell = static_cast<std::uint32_t>(number / geometry.row_blocks());
            const auto in_row = static_cast<std::uint32_t>(number % geometry.row_blocks());
            if (cell >= geometry.cells) {  // padding up to the next 4096 bytes
                std::ranges::fill(block, std::byte{0});
                continue;
            }
            encode_unused(block, {plan_.superblock.group, tag, cell, &geometry}, in_row);
        }
        co_await write(disk, std::move(io));
        at += to.count;
    }
}

// The copy at the end first: the front one is what everybody looks at.
Task<void> Formatter::write_superblocks(std::size_t disk) {
    Superblock superblock = plan_.superblock;
    superblock.index = static_cast<std::uint16_t>(disk);
    superblock.geometry = superblock.geometry_of(disk);
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
