// How often a waiter looks: never more than eager_poll allows, and lazily where nothing moves.
#include <gtest/gtest.h>

#include "lock/poll.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timing timing{seconds(10)};

TEST(Polls, BecomeLazyWhileNothingMoves) {
    Poll poll(timing);
    Instant now{};
    Duration pause{};
    Duration before{};
    int looks = 0;
    for (; pause < timing.lazy_poll(); ++looks) {
        pause = poll.next(now, 5, 0);
        EXPECT_GE(pause, Timing::eager_poll);
        EXPECT_GE(pause, before);
        before = pause;
        now += pause;
        ASSERT_LT(looks, 60);
    }
    EXPECT_EQ(poll.next(now, 5, 0), timing.lazy_poll());
    EXPECT_LT(now - Instant(), 10 * timing.lazy_poll());
}

TEST(Polls, FollowThePaceOfTheLock) {
    Poll first(timing), fourth(timing);
    Instant now{};
    std::uint64_t token = 1;
    for (; token <= 10; ++token, now += milliseconds(40)) {
        const Duration near = first.next(now, token, 0);
        const Duration far = fourth.next(now, token, 3);
        if (token == 1) continue;
        EXPECT_LT(near, milliseconds(40));  // its own delay does not set the pace
        EXPECT_GE(far, near);
        EXPECT_LE(far, timing.lazy_poll());
    }
}

TEST(Polls, StayWithinTheirBoundsWhateverTheLockDoes) {
    Poll poll(timing);
    Instant now{};
    for (std::uint64_t step = 0; step < 1'000; ++step) {
        const Duration pause = poll.next(now, step * step % 97 + step, step % 50);
        EXPECT_GE(pause, Timing::eager_poll);
        EXPECT_LE(pause, timing.lazy_poll());
        now += milliseconds(step % 7);
    }
}

}  // namespace
}  // namespace diskpaxos
