#include "diskpaxos/cell.hpp"

#include <fmt/format.h>

#include "api/strand.hpp"
#include "group/values.hpp"

namespace diskpaxos::api {

using library::Call;
using library::Engine;
using library::Strand;

namespace {

Task<Result<Value>> as_value(std::string name, Task<Result<Named>> operation) {
    const Result<Named> named = co_await operation;
    if (!named) co_return std::unexpected(named.error());
    if (named->state == CellState::lock) {
        co_return std::unexpected(
            Error{Code::no, fmt::format("\"{}\" is a lock, not a value", name)});
    }
    Value value;
    value.version = named->version;
    value.decided = named->state == CellState::decided;
    value.is_set = value.decided || named->state == CellState::set;
    if (value.is_set) value.bytes = as_text(named->value);
    value.applied = named->applied;
    value.exact = named->exact;
    co_return value;
}

Call<Value> getting(std::string name, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(name, engine.directory().get(name, engine.deadline(timeout)));
    };
}

Call<Value> setting(std::string name, std::string bytes, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(name, set_value(engine.directory(), name, bytes, engine.deadline(timeout)));
    };
}

Call<Value> swapping(std::string name, std::uint64_t version, std::string bytes, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(name, diskpaxos::compare_and_swap(engine.directory(), name, version, bytes,
                                                          engine.deadline(timeout)));
    };
}

Call<Value> adding(std::string name, std::int64_t by, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(
            name, diskpaxos::increment(engine.directory(), name, by, engine.deadline(timeout)));
    };
}

Call<Value> removing(std::string name, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(name, remove_value(engine.directory(), name, engine.deadline(timeout)));
    };
}

Call<Value> proposing(std::string name, std::string bytes, Timeout timeout) {
    return [=](Engine& engine) {
        return as_value(
            name, diskpaxos::propose(engine.directory(), name, bytes, engine.deadline(timeout)));
    };
}

Result<Value> ask(Strand& strand, const std::string& name, Call<Value> call) {
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    return strand.ask<Value>(std::move(call));
}

Result<void> tell(Strand& strand, const std::string& name, Call<Value> call, Then<Value> then) {
    if (auto fine = Directory::check_name(name); !fine) return fine;
    return strand.tell<Value>(std::move(call), std::move(then));
}

}  // namespace

Result<Value> Cell::get(Timeout timeout) const {
    return ask(*strand_, name_, getting(name_, timeout));
}

Result<Value> Cell::set(std::string value, Timeout timeout) const {
    return ask(*strand_, name_, setting(name_, std::move(value), timeout));
}

Result<Value> Cell::compare_and_swap(std::uint64_t version, std::string value,
                                     Timeout timeout) const {
    return ask(*strand_, name_, swapping(name_, version, std::move(value), timeout));
}

Result<Value> Cell::increment(std::int64_t by, Timeout timeout) const {
    return ask(*strand_, name_, adding(name_, by, timeout));
}

Result<Value> Cell::remove(Timeout timeout) const {
    return ask(*strand_, name_, removing(name_, timeout));
}

Result<Value> Cell::propose(std::string value, Timeout timeout) const {
    return ask(*strand_, name_, proposing(name_, std::move(value), timeout));
}

Result<void> Cell::get_async(Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, getting(name_, timeout), std::move(then));
}

Result<void> Cell::set_async(std::string value, Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, setting(name_, std::move(value), timeout), std::move(then));
}

Result<void> Cell::compare_and_swap_async(std::uint64_t version, std::string value,
                                          Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, swapping(name_, version, std::move(value), timeout),
                std::move(then));
}

Result<void> Cell::increment_async(std::int64_t by, Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, adding(name_, by, timeout), std::move(then));
}

Result<void> Cell::remove_async(Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, removing(name_, timeout), std::move(then));
}

Result<void> Cell::propose_async(std::string value, Then<Value> then, Timeout timeout) const {
    return tell(*strand_, name_, proposing(name_, std::move(value), timeout), std::move(then));
}

}  // namespace diskpaxos::api
