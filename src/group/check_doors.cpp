// Checking doors (disk/door.hpp): each must be sound, and must not be closed before what somebody
// has written behind it.
#include "group/check.hpp"

#include <fmt/format.h>

#include <utility>

namespace diskpaxos {

DoorState Rows::door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const {
    if (error(disk, cell) != 0) return DoorState::unknown;
    return decode_door(block(disk, cell, tier - 1), roster_.row(disk, cell).door(tier));
}

Damage Rows::damage_of_door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const {
    return inspect(block(disk, cell, tier - 1), roster_.row(disk, cell).door(tier));
}

// A damaged block alone says nothing: it is made initial again, which a closed door allows, or what
// it is on another disk, which is then used behind this door.
bool Rows::used_behind(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const {
    const Geometry& geometry = roster_.geometry(disk);
    const RowAddress row = roster_.row(disk, cell);
    if (error(disk, cell) != 0) return false;
    const Place end = geometry.tier_end(tier) * geometry.ring;
    for (Place place = geometry.tier_end(tier - 1) * geometry.ring; place < end; ++place) {
        const ByteView bytes = block(disk, cell, geometry.doors() + place);
        if (decode_block(bytes, row.block(place)).state == BlockState::valid) return true;
    }
    return false;
}

bool Rows::ajar(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const {
    const DoorState state = door(disk, cell, tier);
    if (state != DoorState::closed) return state == DoorState::unknown;
    for (std::size_t other = 0; other < roster_.disks(); ++other) {
        if (!roster_.common.is_active(other) && used_behind(other, cell, tier)) return true;
    }
    return false;
}

void Checker::check_doors(std::uint32_t cell, std::size_t disk) {
    const Geometry& geometry = roster_.geometry(disk);
    DiskReport& report = report_.disks[disk];
    for (std::uint32_t tier = 1; tier <= geometry.doors(); ++tier) {
        ++report.blocks;
        const Damage damage = rows_.damage_of_door(disk, cell, tier);
        if (damage != Damage::none) {
            add_damage(disk, damage,
                       fmt::format("cell {} door {}: {}", cell, tier, describe(damage)));
        } else if (rows_.door(disk, cell, tier) == DoorState::closed) {
            ++report.initial;
            if (rows_.used_behind(disk, cell, tier))
                closed_before_use_.push_back({disk, cell, tier});
        }
    }
}

// A row is not read in one moment: somebody may have gone through the door meanwhile. Then it is
// open by now.
void Checker::look_at_doors_again() {
    for (const Door& door : std::exchange(closed_before_use_, {})) {
        const bool read = rows_.error(door.disk, door.cell) == 0;
        if (!read || rows_.door(door.disk, door.cell, door.tier) != DoorState::closed) continue;
        --report_.disks[door.disk].initial;
        report_.votes.cells[door.cell].of.erase(door.disk);  // it has lost that it was open
        add_damage(
            door.disk, Damage::none,
            fmt::format("cell {} door {}: closed before blocks in use", door.cell, door.tier));
    }
}

}  // namespace diskpaxos
