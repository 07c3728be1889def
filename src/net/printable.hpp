// Words of strangers, before they go into a sentence.
#pragma once

#include <string>
#include <string_view>

namespace diskpaxos::net {

// Control characters, backslashes and what is no ASCII as \xNN; of more than 128 bytes the first.
std::string printable(std::string_view text);

}  // namespace diskpaxos::net
