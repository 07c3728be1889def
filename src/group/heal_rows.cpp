// Healing rows and superblocks: what is entitled_ and locked_ by then may be written.
#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.hpp"
#include "group/heal.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// ---- whose disk it is ----

namespace {

enum class Shown : std::uint8_t { ours, nothing, unread, anothers };

Task<Shown> superblock_at(Disk& device, Extent area, std::uint32_t copy, const Superblock& ours,
                          std::size_t index) {
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, area);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return Shown::unread;
    const auto present = decode_superblock(io->in.bytes(), copy);
    if (present) {
        const bool same = present->same_group(ours) && present->index == index;
        co_return same ? Shown::ours : Shown::anothers;
    }
    const bool lost = present.error() == Damage::blank || present.error() == Damage::checksum;
    // Something sound that should lie elsewhere: of this group it is damage, of another not.
    const bool moved = present.error() == Damage::misplaced &&
                       address_of(io->in.bytes()).group == ours.group;
    co_return lost || moved ? Shown::nothing : Shown::anothers;
}

}  // namespace

// What its superblocks say now. If they say nothing, it is the one that we began with. If one cannot
// be read and the other says nothing, it may be another's.
Task<bool> Healer::still_ours(std::size_t disk) {
    if (taken_.contains(disk) || silent_.contains(disk)) co_return false;
    if (mutated(Mutant::healed_unasked)) co_return true;
    Disk& device = *roster_.members[disk];
    const Geometry& geometry = roster_.geometry(disk);
    const std::uint64_t blocks = superblock_area / geometry.block_size;
    const Shown front = co_await superblock_at(device, {geometry.superblock_first(), blocks}, 0,
                                               roster_.common, disk);
    const Shown back = co_await superblock_at(device, {geometry.superblock_last(), blocks}, 1,
                                              roster_.common, disk);
    if (front != Shown::anothers && back != Shown::anothers) {
        const bool unread = front == Shown::unread || back == Shown::unread;
        co_return !unread || front == Shown::ours || back == Shown::ours;
    }
    if (!taken_.contains(disk)) {
        report_.left.push_back(fmt::format(
            "{} is left alone: its superblock is another one now, so somebody has made, or makes, "
            "another group of it",
            roster_.names[disk]));
    }
    taken_.insert(disk);
    co_return false;
}

Task<void> Healer::ask_whose(std::size_t disk) {
    (void)co_await still_ours(disk);
    told_.insert(disk);
    silent_.erase(disk);
}

// Before slots are claimed, for which all disks are written.
Task<Result<void>> Healer::all_still_ours() {
    told_ = DiskSet();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const bool there = roster_.members[disk] != nullptr && !silent_.contains(disk);
        if (there) asking_.spawn(ask_whose(disk));
    }
    co_await asking_.idle().wait_until(world_.clock, world_.clock.now() + Rows::hung_after);
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr && !told_.contains(disk)) silent_.insert(disk);
        if (taken_.contains(disk)) {
            co_return std::unexpected(
                Error{Code::other_group,
                      fmt::format("{} has another superblock now: somebody has made, or makes, "
                                  "another group of it; nothing more was healed",
                                  roster_.names[disk])});
        }
    }
    co_return Result<void>();
}

// ---- rows ----

Task<void> Healer::heal_cells() {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (rows_.errors()[disk] != 0 || roster_.common.is_active(disk))
                continue;  // absent, or it hangs or errs: nothing to heal on
            scope_.spawn(heal_rows(first, count, disk));
        }
        if (mutated(Mutant::heal_returned_undrained)) {
            co_await scope_.idle().wait_until(world_.clock, world_.clock.now());
        } else {
            co_await scope_.idle().wait();
        }
    }
}

// The disk is asked whose it is only after its rows were read: what is healed now was read of ours.
Task<void> Healer::heal_rows(std::uint32_t first, std::uint32_t count, std::size_t disk) {
    const bool ours = co_await still_ours(disk);
    if (!ours) co_return;
    for (std::uint32_t cell = first; cell < first + count; ++cell) {
        scope_.spawn(heal_row(cell, disk));
    }
}

// Rewrites what is damaged or stale of one row on one disk. Neighbouring blocks go in one write:
// each is whole by itself, so a write that is torn between them has healed fewer, no worse.
Task<void> Healer::heal_row(std::uint32_t cell, std::size_t disk) {
    const Geometry& geometry = roster_.geometry(disk);
    const std::size_t size = geometry.block_size;
    const RowAddress row = roster_.row(disk, cell);
    const DiskSet passive = roster_.passive();
    const bool open = co_await heal_doors(cell, disk);
    if (!open) co_return;
    std::uint32_t begun = 0;
    IoPtr io;  // the run of blocks that is being collected, from place `begun`
    std::uint32_t in_run = 0;
    for (std::uint32_t place = 0; place <= geometry.places(); ++place) {
        std::optional<Merge> healed;
        if (place < geometry.places() && may_write(place / geometry.ring, disk)) {
            const std::vector<Decoded> copies = rows_.copies(cell, place);
            const CopyState state = compare(copies, passive)[disk];
            if (state == CopyState::damaged) healed = heal(copies, disk, rule_);
            if (state == CopyState::damaged && wish_.give_up == cell) healed = merge(copies, passive);
            if (state == CopyState::stale) healed = merge(copies, passive);
            if (state == CopyState::damaged && !healed) ++report_.unhealable;
        }
        if (healed) {
            if (io == nullptr) {
                begun = place;
                io = roster_.members[disk]->prepare(
                    Io::Kind::write,
                    Extent{geometry.block(cell, place), geometry.places() - place},
                    Extent{});
            }
            const ByteSpan out = io->out.bytes().subspan((place - begun) * size, size);
            healed->initial ? encode_initial(out, row.block(place))
                            : encode_block(out, row.block(place), healed->block);
            ++in_run;
        } else if (io != nullptr) {
            io->to.count = in_run;
            io->out.resize(in_run * size);
            const bool written = co_await write(disk, std::move(io), begun / geometry.ring,
                                                (begun + in_run - 1) / geometry.ring);
            (written ? report_.blocks : report_.failed) += in_run;
            in_run = 0;
        }
    }
}

// Last: until then nobody who starts takes the disk for sound.
Task<void> Healer::heal_superblocks() {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr) continue;
        const Geometry& geometry = roster_.geometry(disk);
        for (const std::uint32_t copy : {1U, 0U}) {
            const std::uint64_t at =
                copy == 0 ? geometry.superblock_first() : geometry.superblock_last();
            const Extent area{at, superblock_area / geometry.block_size};
            const bool ours = co_await still_ours(disk);
            if (!ours) break;
            const Shown present = co_await superblock_at(*device, area, copy, roster_.common, disk);
            if (present == Shown::ours) continue;
            if (present == Shown::anothers) break;  // in this very moment
            Superblock superblock = roster_.common;
            superblock.index = static_cast<std::uint16_t>(disk);
            superblock.geometry = geometry;
            IoPtr io = device->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
            encode_superblock(io->out.bytes(), superblock, copy);
            const bool written = co_await write(disk, std::move(io));
            written ? ++report_.superblocks : ++report_.failed;
        }
    }
}

Task<bool> Healer::write(std::size_t disk, IoPtr io, std::uint32_t first_slot,
                         std::uint32_t last_slot) {
    const bool written = co_await write(disk, std::move(io));
    for (std::uint32_t slot = first_slot; slot <= last_slot && !written; ++slot) {
        doubtful_[slot] = true;
        const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
        locks_.doubt(*roster_.members[disk], slot, drain_time(ttl));
    }
    co_return written;
}

Task<bool> Healer::write(std::size_t disk, IoPtr io) {
    Disk& device = *roster_.members[disk];
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) {
        const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
        hold_until_ = world_.clock.now() + drain_time(ttl);
    }
    co_return io->error == 0;
}

}  // namespace diskpaxos
