// Healing rows and superblocks: what is entitled_ and locked_ by then may be written.
#include <algorithm>

#include "base/mutant.hpp"
#include "group/heal.hpp"
#include "register/row.hpp"

namespace diskpaxos {

Task<void> Healer::heal_cells() {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (rows_.errors()[disk] != 0 || roster_.common.is_active(disk))
                continue;  // absent, or it hangs or errs: nothing to heal on
            for (std::uint32_t cell = first; cell < first + count; ++cell) {
                scope_.spawn(heal_row(cell, disk));
            }
        }
        if (mutated(Mutant::heal_returned_undrained)) {
            co_await scope_.idle().wait_until(world_.clock, world_.clock.now());
        } else {
            co_await scope_.idle().wait();
        }
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
            IoPtr io = device->prepare(Io::Kind::read, Extent{}, area);
            io = co_await Transfer(*device, std::move(io));
            const auto present = io->error == 0 ? decode_superblock(io->in.bytes(), copy)
                                                : std::unexpected(Damage::checksum);
            if (present && present->same_group(roster_.common) && present->index == disk) continue;
            Superblock superblock = roster_.common;
            superblock.index = static_cast<std::uint16_t>(disk);
            superblock.geometry = geometry;
            io = device->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
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
