// An hour of the highest ranks that a stranger can get: those who work beside him go on at half their
// rate or better, whatever the clocks of the agents.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/ceiling_hours.hpp"
#include "sim/sanitized.hpp"

namespace diskpaxos::sim {
namespace {

Deeds play(const Hour& hour) { return HourlyPlay(hour).run(); }

TEST(HourOfAStranger, OthersGoOnAtHalfTheirRate) {
    const std::vector<std::array<bool, 3>> nobody{};
    const std::vector<std::array<bool, 3>> one{{true, false, false}};
    const std::vector<std::array<bool, 3>> uneven{
        {true, false, false}, {true, true, false}, {true, false, false}};
    const std::vector<std::array<bool, 3>> all{{true, true, true}};
    const struct {
        const char* what;
        Hour::Skews skews;
    } clocks[] = {
        {"clocks that agree", {0, 0, 0}},
        {"a second apart", {1, 0, -1}},
        {"one an hour ahead", {3600, 0, 0}},
        {"one an hour behind", {0, 0, -3600}},
        {"one that booted in 2099", {to_2099, 0, 0}},
    };
    const Duration length = sanitized ? std::chrono::minutes(5) : std::chrono::hours(1);
    const Deeds alone = play({.skews = {}, .hits = nobody, .length = length});
    ASSERT_EQ(alone.failed, 0U);
    ASSERT_GT(alone.done, 1000U);
    for (const auto& clock : clocks) {
        for (const auto* hits : {&one, &uneven, &all}) {
            const Deeds deeds = play({.skews = clock.skews, .hits = *hits, .length = length});
            const char* whom = hits == &one ? "one" : hits == &uneven ? "two unevenly" : "all";
            fmt::print("{:<24} he asks {:<13} {:>6} hits up to 2^{:.1f}; {:>7} of {} changes, {} steps\n",
                       clock.what, whom, deeds.hits, std::log2(static_cast<double>(deeds.highest)),
                       deeds.done, alone.done, deeds.steps);
            EXPECT_GE(2 * deeds.done, alone.done) << clock.what << ", " << whom;
            EXPECT_EQ(deeds.failed, 0U) << clock.what << ", " << whom;
            EXPECT_FALSE(deeds.broken) << clock.what << ", " << whom;
            EXPECT_GT(deeds.hits, 100U) << clock.what << ", " << whom;
        }
    }
}

// With the third agent away the one that is behind must be walked up, and is, within an operation.
TEST(HourOfAStranger, AnAgentASecondBehindIsWalkedUpWhenItIsNeeded) {
    const Duration length = std::chrono::minutes(sanitized ? 2 : 10);
    const Hour quiet{.skews = {1, 0, 0}, .hits = {}, .third_gone = true, .length = length};
    Hour loud = quiet;
    loud.hits = {{true, false, false}};
    const Deeds alone = play(quiet);
    const Deeds deeds = play(loud);
    EXPECT_EQ(deeds.failed, 0U);
    EXPECT_FALSE(deeds.broken);
    EXPECT_GE(2 * deeds.done, alone.done);
}

// It is waited for, though the client's patience is a millisecond, and not walked without.
TEST(HourOfAStranger, ASlowAgentIsWaitedForWhereItIsNeeded) {
    const Deeds alone = play(beside_a_slow_agent(false));
    EXPECT_EQ(alone.failed, 0U);
    const Deeds deeds = play(beside_a_slow_agent(true));
    EXPECT_GT(deeds.done, 0U);
    EXPECT_EQ(deeds.failed, 0U);
    EXPECT_FALSE(deeds.broken);
}

}  // namespace
}  // namespace diskpaxos::sim
