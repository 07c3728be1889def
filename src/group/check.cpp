#include "group/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/errno_text.hpp"

namespace diskpaxos {

namespace {
constexpr std::size_t examples_shown = 3;
constexpr Purposes for_both{.read = true, .write = true};
}  // namespace

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
        case DiskVerdict::unseen:
            return "unseen";
    }
    UNREACHABLE();
}

DiskVerdict DiskReport::verdict() const {
    if (!present) return DiskVerdict::absent;
    const bool hurt = error != 0 || !front_superblock || !back_superblock || damaged > 0 ||
                      slot_entries_damaged > 0;
    if (hurt) return DiskVerdict::damaged;
    if (blocks == 0 && unseen > 0) return DiskVerdict::unseen;
    return stale > 0 ? DiskVerdict::stale : DiskVerdict::sound;
}

bool CheckReport::sound() const {
    return rolled_back == 0 && std::ranges::all_of(disks, [](const DiskReport& disk) {
        return disk.verdict() != DiskVerdict::damaged && disk.verdict() != DiskVerdict::absent;
    });
}

// ---- the check ----

Checker::Checker(World& world, const Roster& roster, const QuorumRule& rule)
    : world_(world),
      roster_(roster),
      rule_(rule),
      format_(roster.common.geometry, roster.common.kinds()),
      rows_(world, roster),
      scope_(world.queue) {}

Task<CheckReport> Checker::run() {
    begin();
    co_await scope_.idle().wait_until(world_.clock, world_.clock.now() + Rows::hung_after);
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::uint32_t cell = first; cell < first + count; ++cell) check_cell(cell);
        if (closed_before_use_.empty() && untraced_.empty()) continue;
        co_await rows_.read(first, count);
        look_at_doors_again();
        look_for_traces_again();
    }
    count_votes();
    co_return report_;  // a copy: a disk that hangs may still write to ours
}

void Checker::begin() {
    const Geometry& geometry = roster_.common.geometry;
    const bool slots = roster_.common.kinds() != DiskKinds::active;
    report_.cells = geometry.cells;
    report_.hurt.resize(geometry.slots);
    report_.disks.resize(roster_.disks());
    report_.votes.disks = roster_.disks();
    report_.votes.cells.resize(geometry.cells);
    const Redundancy::Votes none;
    report_.votes.slots.assign(slots ? geometry.slots : 0, none);
    hurt_slots_.resize(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        hurt_slots_[disk].resize(geometry.slots);
        report_.disks[disk].name = roster_.names[disk];
        report_.disks[disk].present = roster_.members[disk] != nullptr;
        if (!report_.disks[disk].present) continue;
        report_.disks[disk].error = ETIMEDOUT;  // until it has answered
        scope_.spawn(check_tables(disk));
    }
}

void Checker::count_votes() {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        DiskReport& report = report_.disks[disk];
        for (std::size_t slot = 0; slot < report_.votes.slots.size(); ++slot) {
            const bool votes = report.present && report.slot_table && !hurt_slots_[disk][slot];
            if (votes) report_.votes.slots[slot].of.insert(disk);
        }
        report.cell_votes = report_.votes.cells_of(disk);
        report.slot_votes = report_.votes.slots_of(disk);
        report.unseen = report_.votes.unseen_of(disk);
    }
    for (const Redundancy::Votes& cell : report_.votes.cells) {
        const bool usable = rule_.suffices(for_both, cell.possible());
        if (!usable) ++report_.cells_without_quorum;
    }
}

Task<void> Checker::check_tables(std::size_t disk) {
    int error = co_await check_superblocks(disk);
    const bool slots = roster_.common.kinds() != DiskKinds::active;  // else nobody ever looks there
    if (error == 0 && slots) error = co_await check_slot_table(disk);
    if (error == EACCES && roster_.common.is_active(disk)) error = 0;  // not for us to see
    DiskReport& report = report_.disks[disk];
    if (report.error == ETIMEDOUT) report.error = error;
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
    report.slot_table = true;
    const TableCopy copy = decode_slot_table(io->in.bytes(), roster_.common, disk);
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const bool hurt = !copy.claims[slot] || !copy.owners[slot];
        if (hurt) hurt_slots_[disk][slot] = true;
        report.slot_entries_damaged += copy.claims[slot] ? 0U : 1U;
        report.slot_entries_damaged += copy.owners[slot] ? 0U : 1U;
    }
    co_return 0;
}

void Checker::check_cell(std::uint32_t cell) {
    Redundancy::Votes& votes = report_.votes.cells[cell];
    DiskSet passive, active;  // whose row we may see
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        DiskReport& report = report_.disks[disk];
        if (rows_.forbidden(disk, cell)) {
            votes.unseen.insert(disk);
            continue;
        }
        const int error = rows_.error(disk, cell);
        if (report.present && report.error == 0) report.error = error;
        if (error == 0) votes.of.insert(disk);
        if (error != 0 && !roster_.common.is_active(disk)) {
            hurt_slots_[disk].assign(hurt_slots_[disk].size(), true);
        }
        (roster_.common.is_active(disk) ? active : passive).insert(disk);
    }
    bool used = false;
    const std::uint32_t places = roster_.passive().empty() ? 0 : roster_.shapes[0].places();
    for (std::uint32_t place = 0; place < places; ++place) {
        check_copies(cell, place, passive, votes.of, used);
    }
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (rows_.error(disk, cell) == 0) check_doors(cell, disk);
    }
    if (!active.empty()) check_copies(cell, 0, active, votes.of, used);
    if (used) ++report_.cells_in_use;
    if (!rule_.suffices(for_both, votes.possible())) tell_lost(cell);
}

void Checker::tell_lost(std::uint32_t cell) {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (rows_.error(disk, cell) != 0) return;  // it may show a copy yet
    }
    ++report_.cells_lost;
    if (report_.lost_examples.size() >= examples_shown) return;
    report_.lost_examples.push_back(fmt::format("cell {}{}", cell, whose(cell)));
}

// The copies of one writer's block on the passive disks, or of the register on the active ones.
void Checker::check_copies(std::uint32_t cell, std::uint32_t place, DiskSet among, DiskSet& whole,
                           bool& used) {
    const std::uint32_t ring = roster_.common.geometry.ring;
    const std::vector<Decoded> copies = rows_.copies(cell, place);
    const std::vector<CopyState> states = compare(copies, among);
    remember(cell, place, copies, among);
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
        if (!active) hurt_slots_[disk][place / ring] = true;
        add_damage(disk, copies[disk].damage,
                   report.examples.size() < examples_shown ? example(disk, cell, place, copies[disk])
                                                           : std::string());
    }
}

std::string Checker::example(std::size_t disk, std::uint32_t cell, std::uint32_t place,
                             const Decoded& copy) const {
    const std::uint32_t ring = roster_.common.geometry.ring;
    const int error = rows_.error(disk, cell);
    const std::string where = roster_.common.is_active(disk)
                                  ? ""
                                  : fmt::format(" slot {} block {}", place / ring, place % ring);
    return fmt::format("cell {}{}{}: {}", cell, where, whose(cell),
                       error != 0 ? errno_text(error) : describe(copy.damage));
}

// ` of "NAME"`, by the newest copy of the cell that can be read; empty where none has a name.
std::string Checker::whose(std::uint32_t cell) const {
    std::string name;
    Rank newest;
    const std::uint32_t places = roster_.passive().empty() ? 1 : roster_.shapes[0].places();
    for (std::uint32_t place = 0; place < places; ++place) {
        for (const Decoded& copy : rows_.copies(cell, place)) {
            const bool newer = copy.state == BlockState::valid && copy.block.accepted > newest;
            if (!newer || !format_.valid(copy.block.value)) continue;
            newest = copy.block.accepted;
            name = format_.view(copy.block.value).name;
        }
    }
    return name.empty() ? "" : fmt::format(" of \"{}\"", name);
}

void Checker::add_damage(std::size_t disk, Damage damage, std::string example) {
    DiskReport& report = report_.disks[disk];
    ++report.damaged;
    ++report.by_damage[static_cast<std::size_t>(damage)];
    if (report.examples.size() < examples_shown) report.examples.push_back(std::move(example));
}

}  // namespace diskpaxos
