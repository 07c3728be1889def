// What a call of `format` asks for, checked as far as that can be done without a write.
#pragma once

#include <string>
#include <vector>

#include "cli/invocation.hpp"
#include "cli/new_disks.hpp"
#include "disk/geometry.hpp"

namespace diskpaxos::cli {

struct Order {
    std::string name;
    Geometry geometry;
    std::uint32_t ttl_ms = 0;
    std::vector<Candidate> disks;
};

// Looks at the disks. Refuses what cannot be made of them, and a group file that could not be written.
Result<Order> understood(const Invocation& call, node::RealWorld& real);

// What the group takes of this disk, and of the one of which it takes most.
std::uint64_t bytes_on(const Candidate& disk, Geometry geometry);
std::uint64_t most_bytes(const Order& order);

}  // namespace diskpaxos::cli
