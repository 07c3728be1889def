// What a measurement says: one line of JSON, or why there is none.
#pragma once

#include <string>
#include <vector>

#include "async/timer.hpp"

namespace diskpaxos::scale {

[[noreturn]] void fail(const std::string& sentence);

// Of all times taken within `length`; `more`: further figures.
void show(std::vector<Duration> times, Duration length, const std::string& more = "");

}  // namespace diskpaxos::scale
