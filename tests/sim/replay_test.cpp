// A seed is the whole of a run: it replays to the same hash, wherever and after whatever it runs.
#include <gtest/gtest.h>

#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

TEST(Replay, ASeedReplaysByteForByte) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const Outcome first = simulate(seed);
        const Outcome again = simulate(seed);
        EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(first.steps, again.steps) << "seed " << seed;
    }
    EXPECT_NE(simulate(1).hash, simulate(2).hash);
}

TEST(Replay, ASeedOfActiveDisksReplaysToo) {
    for (const DiskKinds kinds : {DiskKinds::active, DiskKinds::mixed}) {
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            const sim::Setup setup = draw_setup(seed, kinds);
            EXPECT_EQ(simulate(seed, setup).hash, simulate(seed, setup).hash) << "seed " << seed;
        }
    }
}

// What stands on one machine stands on all of them: the hash of a known seed is pinned nowhere,
// since it changes with every change of the protocol; but it may not depend on where things lie
// in memory. Other runs in between move every allocation.
TEST(Replay, ASeedDoesNotDependOnWhatRanBefore) {
    const std::uint64_t alone = simulate(7).hash;
    for (std::uint64_t seed = 100; seed < 120; ++seed) simulate(seed);
    EXPECT_EQ(simulate(7).hash, alone);
}

}  // namespace
}  // namespace diskpaxos::sim
