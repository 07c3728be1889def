// Backoff and Pace: pauses drawn from a window that doubles, and never grows without bound.
#include "consensus/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace diskpaxos {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class Extreme final : public Random {  // draws the smallest or the largest each time
  public:
    explicit Extreme(bool largest) : largest_(largest) {}
    std::uint64_t below(std::uint64_t n) override { return largest_ ? n - 1 : 0; }

  private:
    bool largest_;
};

TEST(Backoff, DrawsFromWindowsThatDoubleUpToTheWidest) {
    Extreme smallest(false), largest(true);
    Backoff low(milliseconds(1)), high(milliseconds(1));
    int window = 2;
    for (int loss = 0; loss < 8; ++loss) {
        EXPECT_EQ(low.next(smallest), Duration(1));
        EXPECT_EQ(high.next(largest), Duration(milliseconds(window))) << loss;
        window = std::min(2 * window, Backoff::widest);
    }
    EXPECT_EQ(window, Backoff::widest);
}

TEST(Backoff, IsFreshUntilTheFirstLoss) {
    SeededRandom random(1);
    Backoff backoff(milliseconds(1));
    EXPECT_TRUE(backoff.fresh());
    backoff.next(random);
    EXPECT_FALSE(backoff.fresh());
}

TEST(Backoff, OfTwoContendersLeavesOneAloneLongEnoughSoon) {
    SeededRandom random(7);
    unsigned apart = 0;
    for (int duel = 0; duel < 1000; ++duel) {
        Backoff a(milliseconds(1)), b(milliseconds(1));
        const Duration gap = a.next(random) - b.next(random);
        apart += gap >= milliseconds(1) || gap <= -milliseconds(1);
    }
    EXPECT_GT(apart, 200U);  // a quarter of the square of two windows lies that far apart
}

TEST(Pace, FollowsWhatItObserves) {
    Pace pace(milliseconds(8));
    pace.observe(milliseconds(16));
    EXPECT_EQ(pace.mean(), Duration(milliseconds(9)));
    for (int i = 0; i < 200; ++i) pace.observe(milliseconds(2));
    EXPECT_LT(pace.mean(), Duration(microseconds(2001)));
}

TEST(Pace, IsNeverNothing) {
    Pace pace(Duration(0));
    EXPECT_EQ(pace.mean(), Duration(microseconds(10)));
}

}  // namespace
}  // namespace diskpaxos
