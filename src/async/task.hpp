// Task<T>: a coroutine that is lazy, owned by one, and either awaited once or given to a Scope.
// Both ways, down into a child and back up, lead through the run queue (docs/decisions.md).
// No exception crosses a coroutine: errors are values.
#pragma once

#include <concepts>
#include <coroutine>
#include <optional>
#include <utility>

#include "async/frame_pool.hpp"
#include "async/run_queue.hpp"
#include "base/check.hpp"

namespace diskpaxos {

class Scope;

struct PromiseBase {
    Runnable self;
    Runnable* parent = nullptr;  // who awaits us
    Scope* scope = nullptr;      // or who keeps us
    PromiseBase* scope_next = nullptr;
    PromiseBase* scope_previous = nullptr;

    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }

    struct Final {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> done) const noexcept {
            done.promise().finished();
        }
        void await_resume() const noexcept {}
    };
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept { UNREACHABLE(); }

    void finished() noexcept;  // wakes the parent, or leaves the scope, which destroys the frame
};

template <class T>
class [[nodiscard]] Task {
  public:
    struct promise_type : PromiseBase {
        std::optional<T> value;
        Task get_return_object() {
            auto handle = std::coroutine_handle<promise_type>::from_promise(*this);
            self.handle = handle;
            return Task(handle);
        }
        void return_value(T result) { value.emplace(std::move(result)); }
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    template <std::derived_from<PromiseBase> Promise>
    void await_suspend(std::coroutine_handle<Promise> parent) {
        PromiseBase& child = handle_.promise();
        child.parent = &parent.promise().self;
        child.self.queue = parent.promise().self.queue;
        child.self.wake();
    }
    T await_resume() { return std::move(*handle_.promise().value); }

  private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
  public:
    struct promise_type : PromiseBase {
        Task get_return_object() {
            auto handle = std::coroutine_handle<promise_type>::from_promise(*this);
            self.handle = handle;
            return Task(handle);
        }
        void return_void() const noexcept {}
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    template <std::derived_from<PromiseBase> Promise>
    void await_suspend(std::coroutine_handle<Promise> parent) {
        PromiseBase& child = handle_.promise();
        child.parent = &parent.promise().self;
        child.self.queue = parent.promise().self.queue;
        child.self.wake();
    }
    void await_resume() const noexcept {}

  private:
    friend class Scope;
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

}  // namespace diskpaxos
