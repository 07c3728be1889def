// Storms in which agents have ceilings, each its own, and a stranger promises whatever they let him have:
// the same checks as ever. Clients leave disks out, go back below ranks that they have tried in vain, and
// walk agents up, while messages are lost, repeated and overtaken and agents die (ceiling-C3, ceiling-C5).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/sanitized.hpp"
#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

void storms(DiskKinds kinds, std::uint64_t seeds) {
    std::uint64_t steps = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Outcome outcome = simulate(seed, draw_ceilings(seed, kinds));
        steps += outcome.steps;
        ASSERT_EQ(outcome.violation, "") << "seed " << seed;
    }
    fmt::print("{} seeds, {} steps\n", seeds, steps);
}

TEST(CeilingStorm, OnAgents) { storms(DiskKinds::active, sanitized ? 60 : 600); }
TEST(CeilingStorm, OnAgentsAndPassiveDisks) { storms(DiskKinds::mixed, sanitized ? 60 : 600); }

}  // namespace
}  // namespace diskpaxos::sim
