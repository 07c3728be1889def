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

// `lineage`: if not empty, what the content of each version was, from version 0 on; only such an
// order is looked for. Without it, changes that nobody was told of make long histories too long.
bool linearizable(std::span<const Operation> operations, Content initial = {},
                  std::span<const std::uint64_t> lineage = {});

}  // namespace diskpaxos::sim
