// drive(loop, task): runs the loop until the task has ended, and gives what it gave.
#pragma once

#include <optional>
#include <utility>

#include "async/scope.hpp"
#include "io/loop.hpp"

namespace diskpaxos::agent {

template <class T>
Task<void> keep(Task<T> task, std::optional<T>& result) {
    T value = co_await task;
    result.emplace(std::move(value));
}

template <class T>
T drive(io::Loop& loop, Task<T> task) {
    std::optional<T> result;
    Scope scope(loop.queue());
    scope.spawn(keep(std::move(task), result));
    loop.run_until([&result] { return result.has_value(); });
    return std::move(*result);
}

}  // namespace diskpaxos::agent
