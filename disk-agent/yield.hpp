// Letting others go first. Name what is awaited.
#pragma once

#include <coroutine>

#include "async/clock.hpp"

namespace diskpaxos::agent {

// Everything that is ready now.
struct Yield {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) const {
        handle.promise().self.wake();
    }
    void await_resume() const noexcept {}
};

// And whatever the loop has to hand out or to send: one turn of it.
class NextTurn {
  public:
    explicit NextTurn(Clock& clock) : clock_(clock), timer_(clock.now()) {}
    NextTurn(const NextTurn&) = delete;
    NextTurn& operator=(const NextTurn&) = delete;
    ~NextTurn() { clock_.disarm(timer_); }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) {
        clock_.arm(timer_, handle.promise().self);
    }
    void await_resume() const noexcept {}

  private:
    Clock& clock_;
    Timer timer_;
};

}  // namespace diskpaxos::agent
