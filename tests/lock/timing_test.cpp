// The inequalities of docs/timing.md again, worked out another way, and at every millisecond.
#include <gtest/gtest.h>

#include "lock/timing.hpp"
#include "supervise/watchdog_rule.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;

// The latest true time at which a holder acts, against the earliest at which an observer that saw
// the renewal at the very instant it was begun takes over. Clocks are as bad as they may be.
TEST(Timings, TheSlowestHolderStopsBeforeTheFastestObserverTakesOver) {
    for (std::int64_t ms = 100; ms <= 3'600'000; ms += ms < 10'000 ? 1 : 997) {
        const Timing timing{milliseconds(ms)};
        const long double rho = 1.0L / Timing::drift;
        const auto ends = static_cast<long double>(timing.ttl().count()) / (1 - rho);
        const auto takes = static_cast<long double>(timing.observe().count()) / (1 + rho);
        ASSERT_LT(ends, takes) << ms << " ms";
    }
}

TEST(Timings, OneRenewalAfterTheOtherBeforeAnythingIsStopped) {
    for (const int s : {1, 3, 10, 60, 3600}) {
        const Timing timing{std::chrono::seconds(s)};
        EXPECT_LE(4 * timing.renewal(), timing.ttl() - timing.terminate_before()) << s;
        EXPECT_LT(timing.kill_before(), timing.terminate_before()) << s;
        EXPECT_LE(timing.renewal() + timing.attempt(), timing.ttl() - timing.terminate_before());
        EXPECT_LE(timing.lazy_poll(), timing.renewal()) << s;
        EXPECT_EQ(timing.grace(), 4 * timing.lazy_poll()) << s;
    }
}

TEST(Timings, TheWatchdogFiresWithinTheLease) {
    for (const int s : {3, 10, 60, 3600}) {
        const Timing timing{std::chrono::seconds(s)};
        ASSERT_GT(timing.watchdog(), std::chrono::seconds(0)) << s;
        const Duration least_left = timing.watchdog() + timing.reset();
        const auto may_pet_with = [&](Duration left) {
            return may_pet(Instant(), timing.watchdog(), timing.reset(), Instant(left));
        };
        EXPECT_TRUE(may_pet_with(least_left)) << s;
        EXPECT_FALSE(may_pet_with(least_left - Duration(1))) << s;
    }
    EXPECT_EQ(Timing{std::chrono::seconds(1)}.watchdog(), std::chrono::seconds(0));  // no device
}

}  // namespace
}  // namespace diskpaxos
