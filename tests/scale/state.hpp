// What an agent keeps for each register and for each connection.
#pragma once

#include <string>

namespace diskpaxos::scale {

// Measures it and prints it. Both are bounded by the format and the protocol; see there.
bool show_state(const std::string& agent, const std::string& folder);

}  // namespace diskpaxos::scale
