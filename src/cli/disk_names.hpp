// Which disks a call is about: -d, else -g, else $DISKPAXOS_GROUP; the first found wins.
#pragma once

#include "cli/invocation.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::cli {

// The paths as a person gave them, or as the group file has them.
Result<node::NamedDisks> named_disks(const Invocation& call);

// Whether any disks are named at all.
bool names_disks(const Invocation& call);

// The options that name the same disks again, as in " -g demo", for a command that is suggested.
std::string same_disks(const Invocation& call);

// One by one, as in " -d a.img -d b.img".
std::string each_disk(const std::vector<std::string>& disks);

}  // namespace diskpaxos::cli
