// Storms in which agents have ceilings, each its own, and a stranger promises whatever they let him have:
// the same checks as ever. Clients leave disks out, go back below ranks that they have tried in vain, and
// walk agents up, while messages are lost, repeated and overtaken and agents die (ceiling-C3, ceiling-C5).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/sanitized.hpp"
#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

Setup bounded(std::uint64_t seed, DiskKinds kinds) {
    Setup setup = draw_setup(seed, kinds);
    setup.scsi = {};  // those have no keeper
    setup.mends = 0;  // who mends may format, and has no ceiling
    setup.lose_a_disk = false;
    constexpr std::uint64_t shapes[][5] = {
        {400, 10, 10, 400, 10}, {10, 200, 900, 10, 10}, {1, 1, 1, 1, 1}, {2'000, 1'000, 10, 10, 10}};
    const auto& shape = shapes[seed % std::size(shapes)];
    setup.ceilings.assign(shape, shape + setup.disks);
    setup.faults.stranger = 30;
    if (setup.faults.whim_every == 0) setup.faults.whim_every = 200;
    setup.liveness_bound = std::chrono::seconds(10);
    return setup;
}

void storms(DiskKinds kinds, std::uint64_t seeds) {
    std::uint64_t steps = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Outcome outcome = simulate(seed, bounded(seed, kinds));
        steps += outcome.steps;
        ASSERT_EQ(outcome.violation, "") << "seed " << seed;
    }
    fmt::print("{} seeds, {} steps\n", seeds, steps);
}

TEST(CeilingStorm, OnAgents) { storms(DiskKinds::active, sanitized ? 60 : 600); }
TEST(CeilingStorm, OnAgentsAndPassiveDisks) { storms(DiskKinds::mixed, sanitized ? 60 : 600); }

}  // namespace
}  // namespace diskpaxos::sim
