#include "sim/draw.hpp"

namespace diskpaxos::sim {

Uuid draw_uuid(Random& random) {
    Uuid uuid;
    for (std::byte& byte : uuid) byte = static_cast<std::byte>(random.below(256));
    return uuid;
}

Superblock draw_group(Random& random, std::string name, const Geometry& geometry,
                      std::uint32_t ttl_ms, std::size_t disks, Platters& platters) {
    Superblock group;
    group.group = draw_uuid(random);
    group.name = std::move(name);
    group.geometry = geometry;
    group.ttl_ms = ttl_ms;
    for (std::size_t disk = 0; disk < disks; ++disk) {
        group.disks.push_back(draw_uuid(random));
        platters.push_back(std::make_unique<Platter>(disk, geometry));
        platters.back()->join(group.group, Superblock::tag(group.disks.back()));
    }
    return group;
}

}  // namespace diskpaxos::sim
