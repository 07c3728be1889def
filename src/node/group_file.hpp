// Group files: INI files with one line "disk = PATH" for each disk of a group.
#pragma once

#include <string>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::node {

// $DISKPAXOS_GROUP; empty if it is not set.
std::string group_of_environment();

// The disks of `group`: a file if it has a slash or ends with .conf, otherwise a NAME, looked for
// as
// ./NAME.conf, ~/.config/diskpaxos/NAME.conf and /etc/diskpaxos/NAME.conf. Relative paths in the
// file count from the folder it lies in.
Result<std::vector<std::string>> disks_of_group(const std::string& group);

// The group file that `format --conf` writes and -g reads.
std::string group_file_text(const std::string& group, const std::string& uuid,
                            const std::vector<std::string>& disks);

}  // namespace diskpaxos::node
