// The campaign of whole groups: hosts that claim, seat, work, crash, reboot and mend, over disks
// that are wiped one after the other (algorithms.md 7.2, 7.5, 7.8, 9.5). A fixed corpus, as
// campaign_test.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/colony_swarm.hpp"
#include "sim/kinds.hpp"
#include "sim/sanitized.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t seeds = sanitized ? 15 : 250;
constexpr std::uint64_t seeds_of_a_kind = sanitized ? 10 : 100;

TEST(ColonyCampaign, NoSeedFindsAViolation) {
    std::array<std::uint64_t, colony_mark_names.size()> marks{};
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(fmt::format("diskpaxos-sim --groups --seed {} --runs 1 --verbose", seed));
        const ColonyOutcome outcome = simulate_colony(seed, draw_colony(seed));
        ASSERT_EQ(outcome.violation, "");
        for (std::size_t i = 0; i < marks.size(); ++i) marks[i] += outcome.marks[i];
    }
    if (sanitized) return;  // too few seeds for the rare ones
    for (std::size_t i = 0; i < marks.size(); ++i) {
        EXPECT_GT(marks[i], 0U) << "never happened: " << colony_mark_names[i];
    }
}

// It killed and started thousands in seconds, and would have gone on so for minutes.
TEST(ColonyCampaign, AStormOfDeathsEndsEarly) {
    EXPECT_EQ(simulate_colony(200'865, draw_colony(200'865)).violation, "");
}

TEST(ColonyCampaign, NoSeedOfActiveOrMixedDisksFindsAViolation) {
    Marks marks;
    for (const DiskKinds kinds : kinds_with_active_disks) {
        for (std::uint64_t seed = 1; seed <= seeds_of_a_kind; ++seed) {
            SCOPED_TRACE(fmt::format("diskpaxos-sim --groups {} --seed {} --runs 1 --verbose",
                                     option_of(kinds), seed));
            const ColonyOutcome outcome = simulate_colony(seed, draw_colony(seed, kinds));
            ASSERT_EQ(outcome.violation, "");
            marks.add(outcome.on_the_way);
        }
    }
    if (sanitized) return;  // too few seeds for the rare ones
    expect_faults_of_agents(marks);
    EXPECT_GT(marks[Mark::restored], 0U) << "no register was ever healed";
}

TEST(ColonyCampaign, ASeedOfActiveDisksReplaysToo) {
    for (const DiskKinds kinds : kinds_with_active_disks) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            const ColonySetup setup = draw_colony(seed, kinds);
            EXPECT_EQ(simulate_colony(seed, setup).hash, simulate_colony(seed, setup).hash) << seed;
        }
    }
}

TEST(ColonyCampaign, ASeedReplaysByteForByte) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const ColonyOutcome first = simulate_colony(seed, draw_colony(seed));
        const ColonyOutcome again = simulate_colony(seed, draw_colony(seed));
        EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(first.steps, again.steps) << "seed " << seed;
    }
}

}  // namespace
}  // namespace diskpaxos::sim
