// Words of strangers, before they go into a line of the log.
#pragma once

#include <string>
#include <string_view>

namespace diskpaxos::agent {

// Control characters and what is no ASCII as \xNN; no more than a line's worth.
std::string printable(std::string_view text);

}  // namespace diskpaxos::agent
