// The campaign of sessions and locks: wardens on clocks that drift, over disks that hang, fail and
// are wiped (algorithms.md 9). A fixed corpus, as campaign_test; and fairness without a storm.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/kinds.hpp"
#include "sim/sanitized.hpp"
#include "sim/ward_swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t seeds = sanitized ? 40 : 400;
constexpr std::uint64_t seeds_of_a_kind = sanitized ? 15 : 100;

TEST(WardCampaign, NoSeedFindsAViolation) {
    std::array<std::uint64_t, ward_mark_names.size()> marks{};
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(fmt::format("diskpaxos-sim --locks --seed {} --runs 1 --verbose", seed));
        const WardOutcome outcome = simulate_ward(seed, draw_ward(seed));
        ASSERT_EQ(outcome.violation, "");
        for (std::size_t i = 0; i < marks.size(); ++i) marks[i] += outcome.marks[i];
    }
    for (std::size_t i = 0; i < marks.size(); ++i) {
        fmt::print("  {:<24}{:>12}\n", ward_mark_names[i], marks[i]);
        if (sanitized) continue;  // too few seeds for the rare ones
        EXPECT_GT(marks[i], 0U) << "never happened: " << ward_mark_names[i];
    }
}

TEST(WardCampaign, NoSeedOfActiveOrMixedDisksFindsAViolation) {
    Marks marks;
    for (const DiskKinds kinds : kinds_with_active_disks) {
        for (std::uint64_t seed = 1; seed <= seeds_of_a_kind; ++seed) {
            SCOPED_TRACE(fmt::format("diskpaxos-sim --locks {} --seed {} --runs 1 --verbose",
                                     option_of(kinds), seed));
            const WardOutcome outcome = simulate_ward(seed, draw_ward(seed, kinds));
            ASSERT_EQ(outcome.violation, "");
            marks.add(outcome.on_the_way);
        }
    }
    if (!sanitized) expect_faults_of_agents(marks);
}

TEST(WardCampaign, ASeedOfActiveDisksReplaysToo) {
    for (const DiskKinds kinds : kinds_with_active_disks) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            const WardSetup setup = draw_ward(seed, kinds);
            EXPECT_EQ(simulate_ward(seed, setup).hash, simulate_ward(seed, setup).hash) << seed;
        }
    }
}

TEST(WardCampaign, ASeedReplaysByteForByte) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const WardOutcome first = simulate_ward(seed, draw_ward(seed));
        const WardOutcome again = simulate_ward(seed, draw_ward(seed));
        EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(first.steps, again.steps) << "seed " << seed;
    }
}

// Equals under steady contention: nobody gets less than half of its share.
TEST(WardFairness, NobodyGetsLessThanHalfOfItsShare) {
    for (const unsigned count : {2U, 4U, 8U}) {
        WardSetup setup;
        setup.hosts = 1;
        setup.wardens = count;
        setup.geometry.slots = count;
        setup.geometry.cells = 4 * count;
        setup.ttl_ms = 3'000;
        setup.hold = milliseconds(2);
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            Ward ward(seed, setup, false);
            const std::vector<std::uint64_t> grants = ward.contend(std::chrono::seconds(4));
            EXPECT_EQ(ward.violation(), "") << "seed " << seed;
            const std::uint64_t sum =
                std::accumulate(grants.begin(), grants.end(), std::uint64_t{0});
            const std::uint64_t least = *std::ranges::min_element(grants);
            fmt::print("{} wardens: {} holdings, least {}, most {}\n", count, sum, least,
                       *std::ranges::max_element(grants));
            EXPECT_GT(sum, 40U * count);
            EXPECT_GE(2 * least * count, sum) << count << " wardens, seed " << seed;
        }
    }
}

}  // namespace
}  // namespace diskpaxos::sim
