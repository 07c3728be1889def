#include "group/mender.hpp"

#include <algorithm>

#include "group/merge.hpp"

namespace diskpaxos {

namespace {

constexpr unsigned rest = 16;  // looks that are left out after a pass that left damage behind

OwnCopy owned(const Merge& merge) {
    OwnCopy copy;
    copy.initial = merge.initial;
    copy.block = merge.block;
    copy.value.assign(merge.block.value.begin(), merge.block.value.end());
    copy.block.value = {};
    return copy;
}

}  // namespace

Mender::Mender(Group& group)
    : world_(group.world()),
      group_(group),
      roster_(group.roster()),
      rows_(group.world(), group.roster()),
      scope_(group.world().queue) {
    CHECK(group.seat() && group.seat()->announced());
}

Task<void> Mender::keep() {
    const Geometry& geometry = roster_.common.geometry;
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    const std::uint64_t row = std::uint64_t{geometry.row_blocks()} * geometry.block_size;
    const auto most = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, look_bytes / row));
    for (std::uint32_t first = 0;; first = first < geometry.cells ? first : 0) {
        const auto chance = static_cast<std::uint64_t>((ttl / 4).count());
        co_await world_.clock.sleep(ttl +
                                    Duration(static_cast<Duration::rep>(world_.random.below(chance))));
        const std::uint32_t count = std::min(most, geometry.cells - first);
        co_await rows_.read(first, count);
        bool found = hurt(first, count);
        if (found) {  // a block may be seen in the middle of its write (6.1 O8)
            co_await rows_.read(first, count);
            found = hurt(first, count);
        }
        first += count;
        if (!found) continue;
        const Report done = co_await mend_all();
        if (done.left > 0) co_await world_.clock.sleep(rest * ttl);
    }
}

Task<Mender::Report> Mender::mend_all() {
    const std::uint32_t cells = roster_.common.geometry.cells;
    report_ = Report();
    for (std::uint32_t first = 0; first < cells;) {
        const std::uint32_t count = std::min(rows_.cells_at_once(), cells - first);
        co_await rows_.read(first, count);
        ours_ = DiskSet();
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (mine(disk)) scope_.spawn(identify_disk(disk));
        }
        co_await scope_.idle().wait();
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (!ours_.contains(disk)) continue;
            for (std::uint32_t cell = first; cell < first + count; ++cell) {
                scope_.spawn(mend_row(disk, cell));
            }
        }
        co_await scope_.idle().wait();
        first += count;
    }
    co_return report_;
}

// After the rows were read, and before anything is written: `format` retires the superblocks first
// (docs/protocol.md, "When a disk changes hands").
Task<void> Mender::identify_disk(std::size_t disk) {
    Identity identity(roster_.members[disk]);
    co_await identify(identity);
    const bool known = identity.known() && identity.superblock->same_group(roster_.common);
    const bool taken = identity.retired || (identity.known() && identity.superblock->group != roster_.common.group);
    if (taken) group_.lose(disk);
    if (known && identity.superblock->index == disk) ours_.insert(disk);
}

// It answers, and our slot's lock is held there.
bool Mender::mine(std::size_t disk) const {
    return roster_.members[disk] != nullptr && !roster_.common.is_active(disk) &&
           rows_.errors()[disk] == 0 && group_.seat()->open.contains(disk);
}

bool Mender::hurt(std::uint32_t first, std::uint32_t count) const {
    const Geometry& geometry = roster_.common.geometry;
    const Place begin = group_.seat()->slot * geometry.ring;
    for (std::uint32_t cell = first; cell < first + count; ++cell) {
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            for (std::uint32_t tier = 1; mine(disk) && tier <= geometry.doors(); ++tier) {
                if (rows_.ajar(disk, cell, tier)) return true;
            }
        }
        for (Place place = begin; place < begin + geometry.ring; ++place) {
            const std::vector<CopyState> states =
                compare(rows_.copies(cell, place), roster_.passive());
            for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
                if (mine(disk) && states[disk] == CopyState::damaged) return true;
            }
        }
    }
    return false;
}

Task<void> Mender::mend_row(std::size_t disk, std::uint32_t cell) {
    const Geometry& geometry = roster_.common.geometry;
    const Place begin = group_.seat()->slot * geometry.ring;
    auto opening = open_doors(disk, cell);
    const bool open = co_await opening;
    if (!open) {
        ++report_.left;
        co_return;
    }
    for (Place place = begin; place < begin + geometry.ring; ++place) {
        const std::vector<Decoded> copies = rows_.copies(cell, place);
        if (compare(copies, roster_.passive())[disk] != CopyState::damaged) continue;
        auto mending = mend_block(disk, cell, place);
        const bool whole = co_await mending;
        ++(whole ? report_.mended : report_.left);
    }
}

Task<bool> Mender::open_doors(std::size_t disk, std::uint32_t cell) {
    const Geometry& geometry = roster_.geometry(disk);
    for (std::uint32_t tier = 1; tier <= geometry.doors(); ++tier) {
        if (!rows_.ajar(disk, cell, tier)) continue;
        Disk& device = *roster_.members[disk];
        IoPtr io = opening_of_door(device, geometry.door(cell, tier), roster_.row(disk, cell).door(tier));
        io = co_await Transfer(device, std::move(io));
        if (io->error != 0) co_return false;
        ++report_.mended;
    }
    co_return true;
}

// Of the blocks of our slot one is ours, in the lane of our visits; the others are of earlier turns of
// the slot, and nobody writes them but who heals.
Task<bool> Mender::mend_block(std::size_t disk, std::uint32_t cell, Place place) {
    const std::optional<Merge> merge = heal(rows_.copies(cell, place), disk, group_.rule());
    if (!merge) co_return false;
    auto mending = group_.mend(disk, cell, place, owned(*merge));
    co_return co_await mending;
}

}  // namespace diskpaxos
