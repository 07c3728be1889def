// Event: something happened, and stays so until reset. One thread; many may wait.
#pragma once

#include <coroutine>

#include "async/clock.hpp"
#include "async/run_queue.hpp"
#include "base/check.hpp"

namespace diskpaxos {

class Event {
  public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { CHECK(waiters_ == nullptr); }

    bool is_set() const { return set_; }
    bool awaited() const { return waiters_ != nullptr; }
    void reset() { set_ = false; }
    void set() {
        set_ = true;
        for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next) {
            waiter->sleeper->wake();
        }
    }

    // co_await event.wait(): goes on once the event is set.
    // co_await event.wait_until(clock, deadline): or at the deadline; says whether it is set.
    auto wait() { return Waiter(*this, nullptr, {}); }
    auto wait_until(Clock& clock, Instant deadline) { return Waiter(*this, &clock, deadline); }

  private:
    struct Waiter {
        Waiter(Event& e, Clock* c, Instant deadline) : event(e), clock(c), timer(deadline) {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter() { leave(); }

        bool await_ready() const { return event.set_; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> handle) {
            sleeper = &handle.promise().self;
            next = event.waiters_;
            if (next != nullptr) next->previous = this;
            event.waiters_ = this;
            if (clock != nullptr) clock->arm(timer, *sleeper);
        }
        bool await_resume() {
            leave();
            return event.set_;
        }

        void leave() {
            if (sleeper == nullptr) return;
            if (clock != nullptr) clock->disarm(timer);
            (previous != nullptr ? previous->next : event.waiters_) = next;
            if (next != nullptr) next->previous = previous;
            sleeper = nullptr;
        }

        Event& event;
        Clock* clock;
        Timer timer;
        Runnable* sleeper = nullptr;
        Waiter* next = nullptr;
        Waiter* previous = nullptr;
    };

    Waiter* waiters_ = nullptr;
    bool set_ = false;
};

}  // namespace diskpaxos
