// The group file that `format --conf` leaves.
#pragma once

#include <string>
#include <vector>

#include "cli/new_disks.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos::cli {

// The disks as the file has them: paths are absolute.
std::vector<std::string> lasting_names(const std::vector<Candidate>& disks);

// What can be told without a write: no: there is a file, which is not to be overwritten; usage: it is
// no file, or one of the disks; io, permission: its folder is not there, or not for us to write to.
Result<void> refuse_group_file(const std::string& path, const std::vector<std::string>& disks,
                               bool overwrite);

// All of it or nothing. With a password in it, for its owner alone.
class GroupFile {
  public:
    GroupFile() = default;
    GroupFile(const GroupFile&) = delete;
    GroupFile& operator=(const GroupFile&) = delete;
    ~GroupFile();

    // Beside `path`, before the disks are written: only a new name is left to give then.
    Result<void> prepare(const std::string& path, const Superblock& group,
                         const std::vector<Candidate>& disks);
    Result<void> publish();

  private:
    std::string path_;
    std::string temporary_;  // empty: there is none
};

}  // namespace diskpaxos::cli
