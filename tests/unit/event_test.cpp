// Event and Clock: waiting, with a deadline and without.
#include "async/event.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "unit/testbed/test_world.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;

Task<void> record(Event& event, std::vector<int>& log, int who) {
    co_await event.wait();
    log.push_back(who);
}

Task<void> record_until(Event& event, Clock& clock, Instant deadline, std::vector<bool>& log) {
    const bool set = co_await event.wait_until(clock, deadline);
    log.push_back(set);
}

Task<void> record_time(Clock& clock, Instant due, std::vector<Instant>& log) {
    co_await clock.sleep_until(due);
    log.push_back(clock.now());
}

class EventTest : public testing::Test {
  protected:
    TestWorld world;
    Event event;
    std::vector<bool> log;
    Scope scope{world.queue};  // last: its tasks die before the event
    Instant at(int ms) { return Instant(milliseconds(ms)); }
};

TEST_F(EventTest, WakesAllWhoWait) {
    std::vector<int> who;
    for (int i = 0; i < 3; ++i) scope.spawn(record(event, who, i));
    world.queue.run_all();
    EXPECT_TRUE(who.empty());
    event.set();
    world.queue.run_all();
    EXPECT_EQ(who.size(), 3U);
}

TEST_F(EventTest, StaysSetUntilReset) {
    std::vector<int> who;
    event.set();
    scope.spawn(record(event, who, 1));
    world.queue.run_all();
    EXPECT_EQ(who, (std::vector<int>{1}));
    event.reset();
    scope.spawn(record(event, who, 2));
    world.queue.run_all();
    EXPECT_EQ(who, (std::vector<int>{1}));
}

TEST_F(EventTest, WaitUntilEndsAtTheDeadlineWithANo) {
    scope.spawn(record_until(event, world.clock, at(5), log));
    world.queue.run_all();
    world.clock.advance(milliseconds(4));
    world.queue.run_all();
    EXPECT_TRUE(log.empty());
    world.clock.advance(milliseconds(1));
    world.queue.run_all();
    EXPECT_EQ(log, (std::vector<bool>{false}));
    event.set();  // it is off the list
    EXPECT_TRUE(world.queue.empty());
}

TEST_F(EventTest, WaitUntilEndsWithAYesAndDisarmsItsTimer) {
    scope.spawn(record_until(event, world.clock, at(5), log));
    world.queue.run_all();
    EXPECT_FALSE(world.clock.idle());
    event.set();
    world.queue.run_all();
    EXPECT_EQ(log, (std::vector<bool>{true}));
    EXPECT_TRUE(world.clock.idle());
}

TEST_F(EventTest, WaitUntilSaysYesIfBothHappenAtOnce) {
    scope.spawn(record_until(event, world.clock, at(5), log));
    world.queue.run_all();
    world.clock.advance(milliseconds(5));
    event.set();
    world.queue.run_all();
    EXPECT_EQ(log, (std::vector<bool>{true}));
    EXPECT_TRUE(world.queue.empty());
}

TEST_F(EventTest, OneOfSeveralWaitersMayDieInTheMiddle) {
    std::vector<int> who;
    scope.spawn(record(event, who, 0));
    {
        Scope middle(world.queue);
        middle.spawn(record(event, who, 1));
        world.queue.run_all();
        scope.spawn(record(event, who, 2));
        world.queue.run_all();
    }
    event.set();
    world.queue.run_all();
    EXPECT_EQ(who.size(), 2U);
    EXPECT_EQ(std::ranges::count(who, 1), 0);
}

TEST_F(EventTest, SleepersWakeInTheOrderInWhichTheyAreDue) {
    std::vector<Instant> times;
    for (const int due : {7, 3, 5, 3}) scope.spawn(record_time(world.clock, at(due), times));
    world.queue.run_all();
    while (!world.clock.idle()) {
        world.clock.advance_to_next();
        world.queue.run_all();
    }
    EXPECT_EQ(times, (std::vector<Instant>{at(3), at(3), at(5), at(7)}));
}

TEST_F(EventTest, ASleepThatIsOverDoesNotSuspend) {
    std::vector<Instant> times;
    world.clock.advance(milliseconds(9));
    scope.spawn(record_time(world.clock, at(9), times));
    world.queue.run_all();
    EXPECT_EQ(times.size(), 1U);
    EXPECT_TRUE(world.clock.idle());
}

// ---- TimerQueue by itself ----

TEST(TimerQueue, KeepsTheOrderOfTheDueTimesAndFirstInFirstOutAmongEquals) {
    RunQueue queue;
    TimerQueue timers;
    Timer a{Instant(milliseconds(2))}, b{Instant(milliseconds(1))}, c{Instant(milliseconds(2))};
    Runnable sleepers[3];
    for (Runnable& sleeper : sleepers) sleeper.queue = &queue;
    timers.arm(a, sleepers[0]);
    timers.arm(b, sleepers[1]);
    timers.arm(c, sleepers[2]);
    EXPECT_EQ(timers.first_due(), b.due);
    timers.fire_until(Instant(milliseconds(1)));
    EXPECT_EQ(timers.first_due(), a.due);
    timers.disarm(a);
    timers.disarm(a);  // of a timer that is not armed: nothing
    EXPECT_EQ(timers.first_due(), c.due);
    timers.disarm(c);
    EXPECT_TRUE(timers.empty());
}

TEST(TimerQueue, LosesATimerThatDies) {
    RunQueue queue;
    TimerQueue timers;
    Runnable sleeper;
    sleeper.queue = &queue;
    {
        Timer timer{Instant(milliseconds(1))};
        timers.arm(timer, sleeper);
        EXPECT_FALSE(timers.empty());
    }
    EXPECT_TRUE(timers.empty());
    timers.fire_until(Instant(milliseconds(2)));
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace diskpaxos
