// The slot locks of an active disk: there is no file of ours on it, so one on this host stands for
// it. Late writes are harmless there; all that is needed is that two processes of one host do not
// borrow one slot. Only groups that have passive disks as well have slots at all.
#pragma once

#include <memory>
#include <string>

#include "diskpaxos/error.hpp"
#include "disk/sealed.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::node {

// $DISKPAXOS_LOCKS, /run/lock or /tmp, the first that is there: for every user of this host.
std::string lock_folder();

// In that folder.
Result<std::unique_ptr<io::OpenDisk>> open_lock_file(const Uuid& disk);

}  // namespace diskpaxos::node
