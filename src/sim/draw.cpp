#include "sim/draw.hpp"

namespace diskpaxos::sim {

Uuid draw_uuid(Random& random) {
    Uuid uuid;
    for (std::byte& byte : uuid) byte = static_cast<std::byte>(random.below(256));
    return uuid;
}

Makeup draw_makeup(Draw& draw, std::size_t disks, DiskKinds kinds) {
    Makeup makeup;
    if (kinds == DiskKinds::passive) return makeup;
    makeup.active = DiskSet::first(disks);
    if (kinds == DiskKinds::mixed && disks > 1) {
        const std::size_t active = 1 + draw.below(disks - 1);
        while (makeup.active.size() > active) makeup.active.erase(draw.below(disks));
    }
    for (std::size_t disk = 0; disk < disks; ++disk) {
        if (makeup.active.contains(disk) && draw.one_in(3)) makeup.scsi.insert(disk);
    }
    return makeup;
}

void draw_agent_faults(Draw& draw, Faults& faults) {
    faults.commit = microseconds(draw.one_in(3) ? 0 : draw.from(1, 400));
    faults.repeated = draw.sometimes(200);
    faults.cut = draw.sometimes(50);
    faults.agent_restart = draw.sometimes(10);
}

void draw_agent_troubles(Draw& draw, Faults& faults) {
    faults.agent_stop = draw.sometimes(10);
    if (draw.one_in(3)) faults.commit = microseconds(draw.from(400, 4'000));
}

Superblock draw_group(Random& random, std::string name, const Geometry& geometry,
                      std::uint32_t ttl_ms, std::size_t disks, Platters& platters,
                      DiskSet active) {
    Superblock group;
    group.group = draw_uuid(random);
    group.name = std::move(name);
    group.geometry = geometry;
    group.ttl_ms = ttl_ms;
    for (std::size_t disk = 0; disk < disks; ++disk) {
        group.disks.push_back(draw_uuid(random));
        Geometry shape = geometry;
        shape.active = active.contains(disk);
        if (shape.active) group.active |= 1U << disk;
        platters.push_back(std::make_unique<Platter>(disk, shape));
        platters.back()->join(group.group, Superblock::tag(group.disks.back()));
    }
    return group;
}

}  // namespace diskpaxos::sim
