// Setup: one simulated cluster and what is asked of it. swarm.hpp draws one from a seed; tests
// write theirs down.
#pragma once

#include <vector>

#include "disk/geometry.hpp"
#include "sim/faults.hpp"

namespace diskpaxos::sim {

struct Setup {
    Geometry geometry{.block_size = 512, .slots = 3, .ring = 2, .cells = 1};
    std::size_t disks = 3;
    std::size_t quorum = 2;      // for reading, writing and recovery alike
    DiskSet active;              // the others are passive
    std::vector<std::uint64_t> ceilings;  // of the agents, by disk; empty: there are none
    DiskSet scsi;                // active ones that know COMPARE AND WRITE only
    unsigned processes = 3;      // at once; each in a slot of its own, if there are passive disks
    unsigned visitors = 0;       // so many come and go first, a few operations each
    unsigned operations = 6;     // of each incarnation, before the calm
    unsigned calm_operations = 1;  // of each process and cell, when the storm is over
    bool shared_place = false;   // a misconfiguration: all processes use one and the same block
    unsigned weight_get = 2, weight_add = 3, weight_swap = 2, weight_propose = 1;

    Duration think = milliseconds(1);      // at most, between two operations
    Duration patience = microseconds(300); // Register: for silent disks, once beaten
    Duration pace = microseconds(500);     // Pace: the first guess
    unsigned rereads = 2;                  // PassiveVisit
    Duration quarantine = milliseconds(80);  // PassiveVisit: longer than any write takes to land
    unsigned mends = 0;          // per thousand operations: then damaged registers are healed
    unsigned hurried = 200;                // per thousand operations: a deadline too close

    Faults faults;
    Duration storm = milliseconds(40);     // how long faults happen
    bool liveness = true;                  // whether enough disks stay readable to demand it
    Duration liveness_bound = std::chrono::seconds(2);  // of an operation in the calm
    bool lose_a_disk = false;              // at the end of the storm a frail disk goes for good

    DiskKinds kinds() const {
        if (active.empty()) return DiskKinds::passive;
        return active.size() == disks ? DiskKinds::active : DiskKinds::mixed;
    }
    Geometry geometry_of(std::size_t disk) const {
        Geometry shape = geometry;
        shape.active = active.contains(disk);
        return shape;
    }
};

}  // namespace diskpaxos::sim
