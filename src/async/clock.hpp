// Clock: the only way in which protocol code sees time. It never stops, suspend included
// (CLOCK_BOOTTIME in the real world), and its zero means nothing.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>

#include "async/timer.hpp"

namespace diskpaxos {

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Instant now() const = 0;

    // Wakes `sleeper` at timer.due or soon after, unless disarmed before.
    virtual void arm(Timer& timer, Runnable& sleeper) = 0;
    virtual void disarm(Timer& timer) = 0;  // of a timer that is not armed: nothing

    // co_await clock.sleep_until(instant)
    auto sleep_until(Instant due) { return Sleep(*this, due); }
    auto sleep(Duration duration) { return Sleep(*this, now() + duration); }

  private:
    struct Sleep {
        Sleep(Clock& c, Instant due) : clock(c), timer(due) {}
        Sleep(const Sleep&) = delete;
        Sleep& operator=(const Sleep&) = delete;
        ~Sleep() { clock.disarm(timer); }
        bool await_ready() const { return clock.now() >= timer.due; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> handle) {
            clock.arm(timer, handle.promise().self);
        }
        void await_resume() const {}
        Clock& clock;
        Timer timer;
    };
};

}  // namespace diskpaxos
