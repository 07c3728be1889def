// The smallest coroutine type that shows the compiler's errors: lazy, resumed by symmetric
// transfer, no allocation tricks. Nothing of diskpaxos is used here: these programs test the
// compiler. Each ends with 0 if births and deaths balance and the result is right; an error of the
// compiler shows as 1, as a crash, or as a program that does not compile.
#pragma once

#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

// Counts how many of its kind live. After the coroutine is gone there must be none.
struct Counted {
    Counted() { ++live; }
    Counted(const Counted&) { ++live; }
    Counted(Counted&&) noexcept { ++live; }
    Counted& operator=(const Counted&) = default;
    ~Counted() { --live; }
    static inline int live = 0;
};

template <class T>
struct TinyTask {
    struct promise_type;
    using Handle = std::coroutine_handle<promise_type>;
    struct Final {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(Handle done) noexcept {
            const auto parent = done.promise().parent;
            return parent ? parent : std::coroutine_handle<>(std::noop_coroutine());
        }
        void await_resume() noexcept {}
    };
    struct promise_type {
        std::coroutine_handle<> parent;
        std::optional<T> value;
        TinyTask get_return_object() { return TinyTask(Handle::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        Final final_suspend() noexcept { return {}; }
        void return_value(T result) { value.emplace(std::move(result)); }
        void unhandled_exception() { std::terminate(); }
    };

    explicit TinyTask(Handle h) : handle(h) {}
    TinyTask(TinyTask&& other) noexcept : handle(std::exchange(other.handle, {})) {}
    TinyTask& operator=(TinyTask&&) = delete;
    ~TinyTask() {
        if (handle) handle.destroy();
    }

    bool await_ready() { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) {
        handle.promise().parent = parent;
        return handle;
    }
    T await_resume() { return std::move(*handle.promise().value); }

    T run() {
        handle.resume();
        return std::move(*handle.promise().value);
    }

    Handle handle;
};

// 0 if the coroutine gave what it should and left nothing alive or dead twice.
inline int verdict(TinyTask<int> (*coroutine)(), int expected) {
    int result = 0;
    {
        auto task = coroutine();
        result = task.run();
    }
    std::printf("result %d (expected %d), %d alive\n", result, expected, Counted::live);
    return result == expected && Counted::live == 0 ? 0 : 1;
}
