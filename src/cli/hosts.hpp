// What `hosts` and `hosts forget` share.
#pragma once

#include <string>

#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include "group/slot_count.hpp"
#include "lock/hosts.hpp"

namespace diskpaxos::cli {

std::string slots_text(const std::vector<std::uint32_t>& slots);  // "slots 0, 4 to 7"
// "2 free, 1 free but for a claim, 1 not known", as every verb says it.
std::string free_text(const SlotCount& count);
Result<int> forget_host(const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
