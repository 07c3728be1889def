// What `hosts` and `hosts forget` share.
#pragma once

#include <string>

#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include "lock/hosts.hpp"

namespace diskpaxos::cli {

std::string slots_text(const std::vector<std::uint32_t>& slots);  // "slots 0, 4 to 7"
Result<int> forget_host(const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
