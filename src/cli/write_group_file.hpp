// The group file that `format --conf` leaves.
#pragma once

#include <string>
#include <vector>

#include "cli/new_disks.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos::cli {

// The disks as the file has them: paths are absolute.
std::vector<std::string> lasting_names(const std::vector<Candidate>& disks);

// All of it or nothing. With a password in it, for its owner alone.
Result<void> write_group_file(const std::string& path, const Superblock& group,
                              const std::vector<Candidate>& candidates);

}  // namespace diskpaxos::cli
