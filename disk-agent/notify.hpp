// What systemd wants to know, where it has started us (sd_notify(3)).
#pragma once

#include <string_view>

namespace diskpaxos::agent {

void notify(std::string_view state);  // such as "READY=1"; nothing if nobody asked for it

}  // namespace diskpaxos::agent
