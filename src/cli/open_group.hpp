// The group that a call of the command is about, with the call's own disks, time-out and backend;
// warnings go to its output.
#pragma once

#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::cli {

using node::OpenGroup;
using node::RealWorld;

node::Warn warn_to(Output& out);

struct GroupWish {
    io::Access access = io::Access::write;
    bool quorum = true;  // refuse unless a majority of the disks is there
};
Result<std::unique_ptr<OpenGroup>> open_group(const Invocation& call, Output& out, GroupWish wish);

// Of each disk that was named and is not in use, why, beginning with its path. Which number an absent disk
// would have is known only where one is absent and one was named.
struct Unused {
    std::vector<std::string> sentences;
    bool is_the_absent_one = false;
};
Unused unused_disks(OpenGroup& group);

// As open_group(), and takes a seat. `group`: disks of any other than this one are not used.
Result<std::unique_ptr<OpenGroup>> join_group(const Invocation& call, Output& out,
                                              std::optional<Uuid> group = std::nullopt);

}  // namespace diskpaxos::cli
