#include "group/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace diskpaxos {

namespace {
constexpr std::size_t examples_shown = 3;
constexpr std::uint64_t chunk_bytes = 1U << 20;
constexpr Duration hung_after = std::chrono::seconds(10);  // then a disk is left out of the check
}  // namespace

// ---- rows ----

Rows::Rows(World& world, const Roster& roster)
    : world_(world),
      roster_(roster),
      images_(roster.disks()),
      errors_(roster.disks()),
      scope_(world.queue) {}

std::uint32_t Rows::cells_at_once() const {
    const Geometry& widest = roster_.shapes[roster_.passive().empty()];
    const std::uint64_t row = std::uint64_t{widest.row_blocks()} * widest.block_size;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, chunk_bytes / row));
}

Task<void> Rows::read(std::uint32_t first_cell, std::uint32_t count) {
    first_cell_ = first_cell;
    count_ = count;
    awaited_ = 0;
    answered_.reset();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (errors_[disk] == ETIMEDOUT) continue;  // it hangs: no second request behind the first
        images_[disk].reset();
        errors_[disk] = ETIMEDOUT;
        ++awaited_;
        scope_.spawn(read_disk(disk));
    }
    if (awaited_ == 0) co_return;
    co_await answered_.wait_until(world_.clock, world_.clock.now() + hung_after);
}

Task<void> Rows::read_disk(std::size_t disk) {
    Disk* device = roster_.members[disk];
    const std::uint32_t asked = first_cell_;
    int error = ENODEV;
    IoPtr io;
    if (device != nullptr) {
        const Geometry& geometry = roster_.geometry(disk);
        const Extent rows{geometry.row(asked).first, std::uint64_t{count_} * geometry.row_blocks()};
        io = device->prepare(Io::Kind::read, Extent{}, rows);
        io = co_await Transfer(*device, std::move(io));
        error = io->error;
    }
    if (asked != first_cell_) co_return;  // nobody waits for these cells any more
    errors_[disk] = error;
    if (error == 0) images_[disk] = std::move(io);
    if (--awaited_ == 0) answered_.set();
}

std::vector<Decoded> Rows::copies(std::uint32_t cell, std::uint32_t place) const {
    std::vector<Decoded> copies(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (images_[disk] == nullptr) continue;
        const Geometry& geometry = roster_.geometry(disk);
        const std::uint32_t here = geometry.active ? 0 : place;
        copies[disk] = decode_block(block(disk, cell, geometry.doors() + here),
                                    roster_.row(disk, cell).block(here));
    }
    return copies;
}

ByteView Rows::block(std::size_t disk, std::uint32_t cell, std::uint32_t offset) const {
    const Geometry& geometry = roster_.geometry(disk);
    const std::size_t size = geometry.block_size;
    const std::size_t row = std::size_t{cell - first_cell_} * geometry.row_blocks();
    return ByteView(images_[disk]->in.bytes()).subspan((row + offset) * size, size);
}

// ---- reports ----

const char* describe(DiskVerdict verdict) {
    switch (verdict) {
        case DiskVerdict::sound:
            return "sound";
        case DiskVerdict::stale:
            return "stale";
        case DiskVerdict::damaged:
            return "damaged";
        case DiskVerdict::absent:
            return "absent";
    }
    UNREACHABLE();
}

DiskVerdict DiskReport::verdict() const {
    if (!present) return DiskVerdict::absent;
    const bool hurt = error != 0 || !front_superblock || !back_superblock || damaged > 0 ||
                      slot_entries_damaged > 0;
    if (hurt) return DiskVerdict::damaged;
    return stale > 0 ? DiskVerdict::stale : DiskVerdict::sound;
}

bool CheckReport::sound() const {
    return std::ranges::all_of(disks, [](const DiskReport& disk) {
        return disk.verdict() == DiskVerdict::sound || disk.verdict() == DiskVerdict::stale;
    });
}

// ---- the check ----

Checker::Checker(World& world, const Roster& roster, const QuorumRule& rule)
    : world_(world), roster_(roster), rule_(rule), rows_(world, roster), scope_(world.queue) {}

Task<CheckReport> Checker::run() {
    const Geometry& geometry = roster_.common.geometry;
    report_.cells = geometry.cells;
    report_.hurt.resize(geometry.slots);
    report_.disks.resize(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        report_.disks[disk].name = roster_.names[disk];
        report_.disks[disk].present = roster_.members[disk] != nullptr;
        if (!report_.disks[disk].present) continue;
        report_.disks[disk].error = ETIMEDOUT;  // until it has answered
        scope_.spawn(check_tables(disk));
    }
    co_await scope_.idle().wait_until(world_.clock, world_.clock.now() + hung_after);
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            DiskReport& report = report_.disks[disk];
            if (report.present && report.error == 0) report.error = rows_.errors()[disk];
        }
        for (std::uint32_t cell = first; cell < first + count; ++cell) check_cell(cell);
        if (closed_before_use_.empty()) continue;
        co_await rows_.read(first, count);
        look_at_doors_again();
    }
    co_return report_;  // a copy: a disk that hangs may still write to ours
}

Task<void> Checker::check_tables(std::size_t disk) {
    int error = co_await check_superblocks(disk);
    const bool slots = roster_.common.kinds() != DiskKinds::active;  // else nobody ever looks there
    if (error == 0 && slots) error = co_await check_slot_table(disk);
    report_.disks[disk].error = error;
}

Task<int> Checker::check_superblocks(std::size_t disk) {
    Disk& device = *roster_.members[disk];
    const Geometry& geometry = roster_.geometry(disk);
    const std::uint64_t area = superblock_area / geometry.block_size;
    for (const std::uint32_t copy : {0U, 1U}) {
        const std::uint64_t at =
            copy == 0 ? geometry.superblock_first() : geometry.superblock_last();
        IoPtr io = device.prepare(Io::Kind::read, Extent{}, Extent{at, area});
        io = co_await Transfer(device, std::move(io));
        if (io->error != 0) co_return io->error;
        const auto superblock = decode_superblock(io->in.bytes(), copy);
        const bool good =
            superblock && superblock->same_group(roster_.common) && superblock->index == disk;
        DiskReport& report = report_.disks[disk];
        (copy == 0 ? report.front_superblock : report.back_superblock) = good;
    }
    co_return 0;
}

Task<int> Checker::check_slot_table(std::size_t disk) {
    Disk& device = *roster_.members[disk];
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, roster_.common.geometry.slot_table());
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return io->error;
    DiskReport& report = report_.disks[disk];
    const TableCopy copy = decode_slot_table(io->in.bytes(), roster_.common, disk);
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        report.slot_entries_damaged += copy.claims[slot] ? 0U : 1U;
        report.slot_entries_damaged += copy.owners[slot] ? 0U : 1U;
    }
    co_return 0;
}

void Checker::check_cell(std::uint32_t cell) {
    DiskSet whole = DiskSet::first(roster_.disks());
    bool used = false;
    const std::uint32_t places = roster_.passive().empty() ? 0 : roster_.shapes[0].places();
    for (std::uint32_t place = 0; place < places; ++place) {
        check_copies(cell, place, roster_.passive(), whole, used);
    }
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (rows_.errors()[disk] == 0) check_doors(cell, disk);
    }
    if (!roster_.active().empty()) check_copies(cell, 0, roster_.active(), whole, used);
    if (used) ++report_.cells_in_use;
    const bool usable = rule_.suffices(Purposes{.read = true, .write = true}, whole);
    if (!usable) ++report_.cells_without_quorum;
}

// The copies of one writer's block on the passive disks, or of the register on the active ones.
void Checker::check_copies(std::uint32_t cell, std::uint32_t place, DiskSet among, DiskSet& whole,
                           bool& used) {
    const std::uint32_t ring = roster_.common.geometry.ring;
    const std::vector<Decoded> copies = rows_.copies(cell, place);
    const std::vector<CopyState> states = compare(copies, among);
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        DiskReport& report = report_.disks[disk];
        if (!among.contains(disk)) continue;
        if (states[disk] == CopyState::damaged) whole.erase(disk);
        if (!report.present) continue;
        const bool active = roster_.common.is_active(disk);
        if (states[disk] != CopyState::sound && !active) report_.hurt[place / ring] = true;
        ++report.blocks;
        if (copies[disk].state == BlockState::initial) ++report.initial;
        if (copies[disk].state == BlockState::valid) {
            used = true;
            report.highest_round =
                std::max(report.highest_round, copies[disk].block.promised.round);
        }
        if (states[disk] == CopyState::stale) ++report.stale;
        if (states[disk] != CopyState::damaged) continue;
        const Damage damage = copies[disk].damage;
        const bool unreadable = damage == Damage::none;
        add_damage(
            disk, damage,
            fmt::format("cell {}{}: {}", cell,
                        active ? "" : fmt::format(" slot {} block {}", place / ring, place % ring),
                        unreadable ? std::strerror(report.error) : describe(damage)));
    }
}

void Checker::add_damage(std::size_t disk, Damage damage, std::string example) {
    DiskReport& report = report_.disks[disk];
    ++report.damaged;
    ++report.by_damage[static_cast<std::size_t>(damage)];
    if (report.examples.size() < examples_shown) report.examples.push_back(std::move(example));
}

}  // namespace diskpaxos
