// What may block in the kernel or in the resolver, done on a thread of its own while the loop goes on:
// opening a disk whose path hangs, looking up the name of a host.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "async/task.hpp"
#include "io/loop.hpp"

namespace diskpaxos::io {

// A bell that another thread rings, once. Both keep it alive.
class Bell {
  public:
    Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell();
    bool is_sound() const { return fd_ >= 0; }  // false: we are out of descriptors
    int fd() const { return fd_; }
    void ring();
    bool has_rung() const { return rung_.load(std::memory_order_acquire); }

  private:
    const int fd_;
    std::atomic<bool> rung_{false};
};

// Starts a thread that nobody joins; false: the system gives us none.
bool start_aside(std::function<void()> work);
Task<void> heard(Loop& loop, const Bell& bell);

// The result of `work`, which must not refer to anything of the caller: a thread that hangs cannot be
// ended, and outlives who waits for it. Empty: there was no thread or no descriptor to be had.
template <class T>
Task<std::optional<T>> aside(Loop& loop, std::function<T()> work) {
    struct Shared {
        Bell bell;
        std::optional<T> result;
    };
    const auto shared = std::make_shared<Shared>();
    const bool started = shared->bell.is_sound() && start_aside([shared, work = std::move(work)] {
        shared->result.emplace(work());
        shared->bell.ring();
    });
    if (!started) co_return std::nullopt;
    co_await heard(loop, shared->bell);
    co_return std::move(shared->result);
}

}  // namespace diskpaxos::io
