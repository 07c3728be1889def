// Task, Scope and the run queue: who runs when, and what dies with what.
#include "async/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {
namespace {

using Log = std::vector<std::string>;

struct Alive {  // counts itself, so that the death of a frame can be seen
    Alive(int& c) : count(c) { ++count; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { --count; }
    int& count;
};

Task<int> number(Log& log, int value) {
    log.push_back("child");
    co_return value;
}

Task<void> parent(Log& log) {
    log.push_back("before");
    const int value = co_await number(log, 7);
    log.push_back("after " + std::to_string(value));
}

Task<void> wait_for(Event& event, int& alive) {
    const Alive me(alive);
    co_await event.wait();
}

Task<void> sleep_for_ever(Clock& clock, int& alive) {
    const Alive me(alive);
    co_await clock.sleep(std::chrono::hours(1));
}

Task<void> wait_in_child(Event& event, int& alive) {
    const Alive me(alive);
    auto child = wait_for(event, alive);
    co_await child;
}

TEST(Task, IsLazy) {
    Log log;
    { auto never = parent(log); }
    EXPECT_TRUE(log.empty());
}

TEST(Task, RunsOnlyFromTheRunQueueStepByStep) {
    RunQueue queue;
    Scope scope(queue);
    Log log;
    scope.spawn(parent(log));
    EXPECT_EQ(log, Log{});
    queue.run_one();  // the parent, up to its await: the child does not run inside it
    EXPECT_EQ(log, (Log{"before"}));
    queue.run_one();  // the child: the parent does not go on inside its end
    EXPECT_EQ(log, (Log{"before", "child"}));
    queue.run_one();
    EXPECT_EQ(log, (Log{"before", "child", "after 7"}));
    EXPECT_TRUE(queue.empty());
}

TEST(Task, OfOneRunQueueRunInTheOrderInWhichTheyWereReady) {
    RunQueue queue;
    Scope scope(queue);
    Log log;
    scope.spawn(parent(log));
    scope.spawn(parent(log));
    queue.run_all();
    EXPECT_EQ(log, (Log{"before", "before", "child", "child", "after 7", "after 7"}));
}

Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
Task<std::unique_ptr<int>> passed_on(int value) {
    auto box = co_await boxed(value);
    co_return box;
}

TEST(Task, HandsOverResultsThatCanOnlyBeMoved) {
    TestWorld world;
    EXPECT_EQ(*world.run(passed_on(42)), 42);
}

Task<int> down(int depth) {
    if (depth == 0) co_return 0;
    const int below = co_await down(depth - 1);
    co_return below + 1;
}

TEST(Task, NestsAHundredThousandDeepWithoutStack) {
    TestWorld world;
    EXPECT_EQ(world.run(down(100'000)), 100'000);
}

Task<int> many(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) sum += co_await down(0) + 1;
    co_return sum;
}

TEST(Task, AwaitsAHundredThousandTimesWithoutStack) {
    TestWorld world;
    EXPECT_EQ(world.run(many(100'000)), 100'000);
}

TEST(Scope, IsIdleWhileNoTaskRuns) {
    RunQueue queue;
    Event go;
    int alive = 0;
    Scope scope(queue);
    EXPECT_TRUE(scope.idle().is_set());
    scope.spawn(wait_for(go, alive));
    scope.spawn(wait_for(go, alive));
    EXPECT_FALSE(scope.idle().is_set());
    queue.run_all();
    EXPECT_EQ(alive, 2);
    go.set();
    queue.run_all();
    EXPECT_EQ(alive, 0);  // a task that has ended leaves no frame behind
    EXPECT_TRUE(scope.idle().is_set());
}

TEST(Scope, TakesQueuedFramesWithIt) {
    RunQueue queue;
    Log log;
    {
        Scope scope(queue);
        scope.spawn(parent(log));
        scope.spawn(parent(log));
        queue.run_one();
        EXPECT_FALSE(queue.empty());
    }
    EXPECT_TRUE(queue.empty());
    queue.run_all();
    EXPECT_EQ(log, (Log{"before"}));
}

TEST(Scope, TakesWaitingFramesAndTheirChildrenWithIt) {
    RunQueue queue;
    Event never;
    int alive = 0;
    {
        Scope scope(queue);
        scope.spawn(wait_in_child(never, alive));
        queue.run_all();
        EXPECT_EQ(alive, 2);
    }
    EXPECT_EQ(alive, 0);
    never.set();  // nobody is left on its list
    EXPECT_TRUE(queue.empty());
}

TEST(Scope, TakesArmedTimersWithIt) {
    TestWorld world;
    int alive = 0;
    {
        Scope scope(world.queue);
        scope.spawn(sleep_for_ever(world.clock, alive));
        world.queue.run_all();
        EXPECT_FALSE(world.clock.idle());
    }
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(world.clock.idle());
    world.clock.advance(std::chrono::hours(2));
    EXPECT_TRUE(world.queue.empty());
}

TEST(Scope, DiesBetweenTheWakeUpAndTheRun) {
    RunQueue queue;
    Event event;
    int alive = 0;
    {
        Scope scope(queue);
        scope.spawn(wait_for(event, alive));
        queue.run_all();
        event.set();  // queued now, and still on the event's list
    }
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(queue.empty());
}

TEST(Runnable, WokenTwiceBeforeItRanIsWokenOnce) {
    RunQueue queue;
    Event event;
    int alive = 0;
    Scope scope(queue);
    scope.spawn(wait_for(event, alive));
    queue.run_all();
    event.set();
    event.set();
    queue.run_one();
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace diskpaxos
