// What must hold. A history is a list of invocations and returns in the order in which they
// happened.
#pragma once

#include <span>
#include <string>

#include "state.hpp"

namespace diskpaxos::exhaustive {

// The sentence that says what is wrong; empty if all is well.
// Proposals: all decisions are one value, and somebody proposed it.
// Operations on a cell: the history can be put in one order that respects real time and in which
// every returned operation answers as the counter would have. An operation that has not returned,
// or does not know, takes effect at any time after its invocation, or never; one that said that it
// did nothing has none.
std::string objection(std::span<const Moment> history);

}  // namespace diskpaxos::exhaustive
