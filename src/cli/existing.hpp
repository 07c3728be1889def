// What is on a disk already, before `format` overwrites it: named by libblkid where it knows, and
// else by what we know ourselves.
#pragma once

#include <string>
#include <vector>

#include "async/task.hpp"
#include "disk/disk.hpp"
#include "disk/superblock.hpp"
#include "diskpaxos/error.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::cli {

// What a file or device holds on which `diskpaxos-agent create` was run.
inline constexpr const char* agent_store = "a store of diskpaxos-agent";

// Reads only. Phrases such as `an ext4 file system "data"`; empty: nothing was recognised, and the
// beginning of the disk is all zeros.
std::vector<std::string> existing_content(const io::OpenDisk& disk);

// The same of a disk that is named by a URL, at its beginning. libblkid cannot look at it.
Task<std::vector<std::string>> existing_content(Disk& disk);

// What of that is certainly none of ours: no superblock of a group, nor data of an unknown kind.
std::vector<std::string> foreign_of(std::vector<std::string> content);

// Adds to an error of Code::bad_data what stands on those disks that are of no group.
Error with_content(Error error, const std::vector<std::string>& disks);

// Which group the disk belongs to, or did. Where neither copy of the superblock says so, and one may:
struct Membership {
    std::optional<Superblock> group;
    std::optional<Retired> retired;
    bool newer = false;  // a group of a newer format: nobody can look into it
    int error = 0;       // errno: what says it cannot be read
};
Membership membership(const io::OpenDisk& disk);
Task<Membership> membership(Disk& disk);

// Removes what libblkid knows, wherever it lies on the disk: nobody shall take it for that again.
bool wipe_signatures(const std::string& path);

}  // namespace diskpaxos::cli
