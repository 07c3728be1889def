// Is there an order of the operations, in keeping with real time, in which each is as it was told?
// The search of Wing & Gong with the cache of Lowe: depth-first over "which operation was next",
// remembering every (set of operations done, content) from which there is no way on.
//
// An operation of unknown fate may take effect at any time after its start, or never. One that was
// said to have had no effect for good has none.
#pragma once

#include <span>

#include "sim/history.hpp"

namespace diskpaxos::sim {

bool linearizable(std::span<const Operation> operations, Content initial = {});

}  // namespace diskpaxos::sim
