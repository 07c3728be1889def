// What was asked for.
#pragma once

#include <string>
#include <vector>

#include "disk/geometry.hpp"

namespace diskpaxos::yardstick {

using Disks = std::vector<std::string>;  // paths and URLs

struct Wish {
    std::string operation;
    unsigned processes = 1;
    unsigned concurrency = 1;  // in each process
    double seconds = 1;
    unsigned held = 1;   // locks, while the session is renewed
    unsigned row = 0;    // bytes that the bare loop reads; 0: the first tier of a row
    bool group = false;  // the bare loop goes where the cells of the group lie
    Geometry geometry;
    unsigned ttl_ms = 10'000;
    Disks disks;
};

}  // namespace diskpaxos::yardstick
