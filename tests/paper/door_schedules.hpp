// Every schedule of visits to one disk whose rows have doors (disk/door.hpp): real PassiveVisits,
// on a disk on which each write lands at a step of its own, and each block of a read is read at
// one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "disk/geometry.hpp"

namespace diskpaxos {

struct Visitor {
    std::uint16_t slot;
    unsigned visits;  // one after the other
};

struct Schedules {
    std::uint64_t count = 0;
    std::string blind;  // the first in which two visits have not seen each other, step by step
};

// Blocks that nobody else writes are read at once: when makes no difference.
Schedules search(const Geometry& geometry, const std::vector<Visitor>& visitors);

}  // namespace diskpaxos
