// Healing doors (disk/door.hpp): to open one harms nobody, whoever does it and whenever it lands. So
// no slot needs to be borrowed for it; and it comes before anything behind it is healed.
#include "group/heal.hpp"

namespace diskpaxos {

// Those that are damaged, and those behind which any passive disk has something: it may be healed
// here. False if one of them could not be opened.
Task<bool> Healer::heal_doors(std::uint32_t cell, std::size_t disk) {
    const Geometry& geometry = roster_.geometry(disk);
    for (std::uint32_t tier = 1; tier <= geometry.doors(); ++tier) {
        if (!rows_.ajar(disk, cell, tier)) continue;
        Disk& device = *roster_.members[disk];
        IoPtr io = opening_of_door(device, geometry.door(cell, tier), roster_.row(disk, cell).door(tier));
        io = co_await Transfer(device, std::move(io));
        ++(io->error == 0 ? report_.blocks : report_.failed);
        if (io->error != 0) co_return false;
    }
    co_return true;
}

}  // namespace diskpaxos
