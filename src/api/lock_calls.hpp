// What the calls of a lock handle do, on the library's own thread.
#pragma once

#include "api/engine.hpp"

namespace diskpaxos::library {

Task<Result<std::uint64_t>> acquire(Engine& engine, std::shared_ptr<Hold> hold, api::Mode mode,
                                    Timeout patience);
Task<Result<void>> release(Engine& engine, std::shared_ptr<Hold> hold, Timeout timeout);
Task<Result<std::uint64_t>> convert(Engine& engine, std::shared_ptr<Hold> hold, api::Mode mode,
                                    Timeout timeout);
Task<Result<void>> set_value(Engine& engine, std::shared_ptr<Hold> hold, std::string bytes,
                             Timeout timeout);
Task<Result<api::LockValue>> value(Engine& engine, std::shared_ptr<Hold> hold);

void cancel(Engine& engine, Hold& hold);
void drop(Engine& engine, Hold& hold);  // its handle is gone

}  // namespace diskpaxos::library
