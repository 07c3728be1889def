// Lane: one visit at a time, the newest one next, and nobody dead in the way.
#include "disk/lane.hpp"

#include <gtest/gtest.h>

#include <map>

#include "async/scope.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {
namespace {

using Log = std::map<int, bool>;  // who came back from enter(), and with what

Task<void> pass(Lane& lane, Event& done, Log& log, int who) {
    const bool mine = co_await lane.enter();
    log[who] = mine;
    if (!mine) co_return;
    co_await done.wait();
    lane.leave();
}

class LaneTest : public testing::Test {
  protected:
    TestWorld world;
    Lane lane;
    Event first_done, others_done;
    Log log;
    Scope scope{world.queue};

    void enter(int who, Scope& in) {
        in.spawn(pass(lane, who == 1 ? first_done : others_done, log, who));
        world.queue.run_all();
    }
    void finish_first() {
        first_done.set();
        world.queue.run_all();
    }
};

TEST_F(LaneTest, LetsTheSecondWaitUntilTheFirstLeaves) {
    enter(1, scope);
    enter(2, scope);
    EXPECT_EQ(log, (Log{{1, true}}));
    EXPECT_TRUE(lane.waiting());
    finish_first();
    EXPECT_EQ(log, (Log{{1, true}, {2, true}}));
    EXPECT_TRUE(lane.busy());
    EXPECT_FALSE(lane.waiting());
}

TEST_F(LaneTest, LetsANewerVisitTakeThePlaceOfTheOneThatWaits) {
    enter(1, scope);
    enter(2, scope);
    enter(3, scope);
    EXPECT_EQ(log, (Log{{1, true}, {2, false}}));  // 2 goes on at once, without its turn
    finish_first();
    EXPECT_EQ(log, (Log{{1, true}, {2, false}, {3, true}}));
}

TEST_F(LaneTest, IsFreeAgainWhenNobodyWaits) {
    enter(1, scope);
    finish_first();
    EXPECT_FALSE(lane.busy());
    enter(2, scope);
    EXPECT_TRUE(log[2]);
}

TEST_F(LaneTest, ForgetsAWaiterThatDies) {
    enter(1, scope);
    {
        Scope mortal(world.queue);
        enter(2, mortal);
    }
    EXPECT_FALSE(lane.waiting());
    finish_first();
    EXPECT_FALSE(lane.busy());
}

TEST_F(LaneTest, PassesOnTheTurnOfOneThatDiesBeforeItCouldUseIt) {
    enter(1, scope);
    {
        Scope mortal(world.queue);
        enter(2, mortal);
        first_done.set();
        world.queue.run_one();  // 1 leaves, 2 is granted the lane and queued, and dies here
        EXPECT_TRUE(lane.busy());
    }
    EXPECT_FALSE(lane.busy());
    enter(3, scope);
    EXPECT_TRUE(log[3]);
}

TEST_F(LaneTest, ASupersededWaiterMayDieToo) {
    enter(1, scope);
    {
        Scope mortal(world.queue);
        enter(2, mortal);
        scope.spawn(pass(lane, others_done, log, 3));
        world.queue.run_one();  // 3 takes the place of 2, which is queued, and dies here
    }
    EXPECT_TRUE(lane.waiting());
    finish_first();
    EXPECT_EQ(log, (Log{{1, true}, {3, true}}));
}

TEST_F(LaneTest, OfAVisitThatHangsStaysBusyForEver) {
    enter(1, scope);
    enter(2, scope);
    world.clock.advance(std::chrono::hours(1000));
    world.queue.run_all();
    EXPECT_EQ(log.size(), 1U);
}

}  // namespace
}  // namespace diskpaxos
