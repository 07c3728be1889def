// TestWorld: a clock that moves only when nothing else can, chance from a fixed seed, and a trace
// that is kept. run() drives one task to its end.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"

namespace diskpaxos {

class ManualClock final : public Clock {
  public:
    Instant now() const override { return now_; }
    void arm(Timer& timer, Runnable& sleeper) override { timers_.arm(timer, sleeper); }
    void disarm(Timer& timer) override { timers_.disarm(timer); }

    bool idle() const { return timers_.empty(); }
    void advance(Duration by) {
        now_ += by;
        timers_.fire_until(now_);
    }
    Instant next() const { return timers_.first_due(); }
    void advance_to_next() { advance(std::max(Duration(0), timers_.first_due() - now_)); }

  private:
    Instant now_{};
    TimerQueue timers_;
};

class StepLog final : public Trace {
  public:
    void step(const Step& step) override { steps.push_back(step); }
    std::size_t count(Step::Kind kind) const {
        return static_cast<std::size_t>(std::ranges::count(steps, kind, &Step::kind));
    }
    std::vector<Step> steps;
};

class TestWorld {
  public:
    RunQueue queue;
    ManualClock clock;
    SeededRandom random{20240901};
    StepLog trace;
    World world{queue, clock, random, trace};

    // Runs until `task` has ended; time moves on whenever nothing is ready.
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        Scope scope(queue);
        scope.spawn(keep(std::move(task), result));
        for (queue.run_all(); !result; queue.run_all()) {
            CHECK(!clock.idle());  // else it hangs for ever
            clock.advance_to_next();
        }
        return std::move(*result);
    }

    // What has been started goes on for so long.
    void run_for(Duration time) {
        const Instant end = clock.now() + time;
        for (queue.run_all(); !clock.idle() && clock.next() <= end; queue.run_all()) {
            clock.advance_to_next();
        }
        clock.advance(end - clock.now());
        queue.run_all();
    }

  private:
    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        T value = co_await task;
        result.emplace(std::move(value));
    }
};

}  // namespace diskpaxos
