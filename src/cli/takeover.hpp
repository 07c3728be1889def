// Whether somebody is in the groups that `format` is about to overwrite, and how they are put out
// (docs/protocol.md, "When a disk changes hands").
#pragma once

#include "cli/invocation.hpp"
#include "cli/new_disks.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

struct Takeover {
    Duration wait{};  // T + T_ghost of those who were there; 0: nobody was
    Json evicted = Json::array();
    std::string group;  // the name of one they were in
};

// Watches those groups for a renewal interval, as far as their disks are among these, and refuses
// with Code::in_use if a session is there or a process of this host; with --evict, evicts them.
Result<Takeover> take_over(const std::vector<Candidate>& disks, node::RealWorld& real,
                           const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
