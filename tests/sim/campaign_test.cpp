// The campaign: seeds of every kind of storm (algorithms.md 14.1, 14.2), and what the corpus must
// have come across. A failing seed is replayed by `diskpaxos-sim --seed N --runs 1 --verbose`.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t most_seeds = 20'000;
constexpr std::uint64_t fewest_seeds = 1'500;  // enough for every mark, on a slow machine too
constexpr double budget_seconds = 40;

TEST(Campaign, NoSeedFindsAViolation) {
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    Marks marks;
    std::uint64_t seed = 0;
    while (seed < most_seeds && (seed < fewest_seeds || elapsed() < budget_seconds)) {
        ++seed;
        SCOPED_TRACE(fmt::format("diskpaxos-sim --seed {} --runs 1 --verbose", seed));
        const Outcome outcome = simulate(seed);
        marks.add(outcome.marks);
        ASSERT_EQ(outcome.violation, "");
    }
    fmt::print("{} seeds, {:.0f} a second\n", seed, static_cast<double>(seed) / elapsed());
    for (std::size_t i = 0; i < mark_names.size(); ++i) {
        EXPECT_GT(marks[static_cast<Mark>(i)], 0U) << "never happened: " << mark_names[i];
    }
}

TEST(Campaign, ASeedReplaysByteForByte) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const Outcome first = simulate(seed);
        const Outcome again = simulate(seed);
        EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
        EXPECT_EQ(first.steps, again.steps) << "seed " << seed;
    }
    EXPECT_NE(simulate(1).hash, simulate(2).hash);
}

// What stands on one machine stands on all of them: the hash of a known seed is pinned nowhere,
// since it changes with every change of the protocol; but it may not depend on where things lie
// in memory. Other runs in between move every allocation.
TEST(Campaign, ASeedDoesNotDependOnWhatRanBefore) {
    const std::uint64_t alone = simulate(7).hash;
    for (std::uint64_t seed = 100; seed < 120; ++seed) simulate(seed);
    EXPECT_EQ(simulate(7).hash, alone);
}

}  // namespace
}  // namespace diskpaxos::sim
