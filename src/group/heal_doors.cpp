// Healing doors (disk/door.hpp): to open one harms nobody, whoever does it and whenever it lands. So
// no slot needs to be borrowed for it; and it comes before anything behind it is healed.
#include "group/heal.hpp"

namespace diskpaxos {

// Those that are damaged, and those behind which any passive disk has something: it may be healed
// here. False if one of them could not be opened.
Task<bool> Healer::heal_doors(std::uint32_t cell, std::size_t disk) {
    const Geometry& geometry = roster_.geometry(disk);
    for (std::uint32_t tier = 1; tier <= geometry.doors(); ++tier) {
        const DoorState door = rows_.door(disk, cell, tier);
        bool wanted = door == DoorState::unknown;
        for (std::size_t other = 0; other < roster_.disks() && door == DoorState::closed; ++other) {
            const bool passive = !roster_.common.is_active(other);
            wanted = wanted || (passive && rows_.used_behind(other, cell, tier));
        }
        if (!wanted) continue;
        const Extent to{geometry.door(cell, tier), 1};
        IoPtr io = roster_.members[disk]->prepare(Io::Kind::write, to, Extent{});
        encode_door(io->out.bytes(), roster_.row(disk, cell).door(tier), DoorState::open);
        io = co_await Transfer(*roster_.members[disk], std::move(io));
        ++(io->error == 0 ? report_.blocks : report_.failed);
        if (io->error != 0) co_return false;
    }
    co_return true;
}

}  // namespace diskpaxos
