// co_await on a named Yield: everything that is ready now goes first.
#pragma once

#include <coroutine>

namespace diskpaxos::agent {

struct Yield {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) const {
        handle.promise().self.wake();
    }
    void await_resume() const noexcept {}
};

}  // namespace diskpaxos::agent
