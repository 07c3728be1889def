// How those are put out who are in the groups that `format` overwrites (docs/protocol.md, "When a
// disk changes hands").
#pragma once

#include "cli/predecessors.hpp"

namespace diskpaxos::cli {

struct Takeover {
    Duration wait{};  // T + T_ghost of those who were there; 0: nobody was
    Json evicted = Json::array();
    std::string group;  // the name of one they were in
};

// How long to wait. Pure.
Takeover planned_takeover(const std::vector<Predecessor>& groups,
                          const std::vector<Candidate>& disks);

// Evicts the sessions of those groups, as far as it can, and says whom. Writes to their disks.
void put_out(const std::vector<Predecessor>& groups, const Invocation& call, Takeover& takeover,
             Output& out);

}  // namespace diskpaxos::cli
