// Judge: whether what was recorded may have happened. It knows the rules and nothing of how they
// are kept. Pure, but for the time it takes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "demo/resource.hpp"
#include "demo/storyline.hpp"

namespace diskpaxos::demo {

using Violations = std::vector<std::string>;  // sentences

// No two of them at the same time, and tokens that rise from each to the next. In the order of
// `from`.
Violations judge_holdings(const std::vector<Holding>& holdings);

// What the resource accepted: tokens that never fall, each from the process that held it.
Violations judge_writes(const std::vector<Resource::Line>& writes, const Recording& recording);

// Nothing was decided in an interval without a majority. What had left before it may still have
// been answered in the first moments.
Violations judge_silence(const Recording& recording, Duration moment);

// Every answer about the counter was one that could be, in real time.
Violations judge_operations(const std::vector<sim::Operation>& operations);

}  // namespace diskpaxos::demo
