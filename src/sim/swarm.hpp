// Swarm: a seed decides which cluster stands in which storm. Each run knows only some of the
// faults, at a strength of its own: rare ones are not drowned by common ones.
#pragma once

#include <cstdint>
#include <string>

#include "sim/marks.hpp"
#include "sim/setup.hpp"

namespace diskpaxos::sim {

Setup draw_setup(std::uint64_t seed, DiskKinds kinds = DiskKinds::passive);

// Rows with doors, on passive disks or among active ones. Every second place lies behind one.
Setup draw_tiers(std::uint64_t seed);

// Active disks, or disks of both kinds, whose agents have ceilings of ranks, each its own; and a
// stranger who promises the highest rank that one of them lets him have.
Setup draw_ceilings(std::uint64_t seed, DiskKinds kinds);

// Active disks, and thousands of clients that nobody has numbered: a handful at a time, each for an
// operation or a few.
Setup draw_crowd(std::uint64_t seed, unsigned visitors = 1'000);

struct Outcome {
    std::string violation;  // empty: all is well
    std::uint64_t hash = 0;
    std::uint64_t steps = 0;
    Marks marks;
};

Outcome simulate(std::uint64_t seed, const Setup& setup, bool verbose = false);
inline Outcome simulate(std::uint64_t seed, bool verbose = false) {
    return simulate(seed, draw_setup(seed), verbose);
}

}  // namespace diskpaxos::sim
