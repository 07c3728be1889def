#include "disk-agent/looks.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "unit/testbed/test_world.hpp"

namespace diskpaxos::agent {
namespace {

class LooksTest : public ::testing::Test {
  protected:
    using Wishes = std::vector<std::unique_ptr<Looks::Wish>>;

    Wishes wish(const std::string& client, unsigned count) {
        Wishes wishes;
        for (unsigned i = 0; i < count; ++i) {
            wishes.push_back(std::make_unique<Looks::Wish>(looks, client));
        }
        return wishes;
    }
    static unsigned granted(const Wishes& wishes) {
        unsigned count = 0;
        for (const auto& one : wishes) count += one->granted().is_set() ? 1U : 0U;
        return count;
    }

    TestWorld world;
    Looks looks{world.queue, world.clock};
    const std::string flood = "flood", honest = "honest", third = "third";
};

TEST_F(LooksTest, ATurnHasSoManyPiecesAndTheFirstComeFirst) {
    const Wishes many = wish(flood, 1280);
    EXPECT_EQ(looks.grant(), Looks::most_in_turn);
    EXPECT_EQ(granted(many), Looks::most_in_turn);
    EXPECT_TRUE(many[Looks::most_in_turn - 1]->granted().is_set());
    EXPECT_EQ(looks.grant(), Looks::most_in_turn);
    EXPECT_EQ(granted(many), 2 * Looks::most_in_turn);
}

TEST_F(LooksTest, EveryClientHasItsShare) {
    const Wishes many = wish(flood, 1280);
    const Wishes few = wish(honest, 3);
    const Wishes more = wish(third, 1280);
    looks.grant();
    EXPECT_EQ(granted(few), 3U);
    EXPECT_EQ(granted(many), 7U);
    EXPECT_EQ(granted(more), 6U);
    const Wishes late = wish(honest, 1);
    looks.grant();
    EXPECT_EQ(granted(late), 1U);
}

TEST_F(LooksTest, WhoHasGoneIsPassedOver) {
    Wishes gone = wish(flood, 5);
    const Wishes left = wish(honest, 2);
    gone.clear();
    EXPECT_EQ(looks.grant(), 2U);
    EXPECT_EQ(granted(left), 2U);
    EXPECT_EQ(looks.grant(), 0U);
    const Wishes again = wish(flood, 1);
    EXPECT_EQ(looks.grant(), 1U);
}

// By the loop: a turn after it was asked for.
TEST_F(LooksTest, TheTurnComesByItself) {
    const Wishes some = wish(flood, Looks::most_in_turn + 1);
    world.run_for(Duration(1));
    EXPECT_EQ(granted(some), Looks::most_in_turn + 1);
    EXPECT_EQ(looks.counts().turns, 2U);
    EXPECT_EQ(looks.counts().most_in_turn, Looks::most_in_turn);
}

}  // namespace
}  // namespace diskpaxos::agent
