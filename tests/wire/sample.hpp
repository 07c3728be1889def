// One frame of every kind, as the worked examples of PROTOCOL.md show them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace diskpaxos::wire {

Bytes sample_block();  // a cell block: rank 41 accepted, rank 42 promised, value "alpha"

std::vector<std::string> sample_names();  // "hello", "welcome", …
Bytes sample(std::string_view name);

}  // namespace diskpaxos::wire
