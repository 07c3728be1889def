// Doubts: which slots of this host no process may borrow on a disk for a while, since a write there
// failed and may still land (docs/protocol.md, doubt-D1). The kernel frees a slot's lock with the
// descriptor, so that a process that ends leaves a small file: one for each disk and slot, in the
// folder of the lock files (node/lock_file.hpp), for every user of this host.
#pragma once

#include <cstdint>

#include "async/clock.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::node {

// The caller holds the slot's lock on this disk, in both. A file that cannot be written is no
// error: then the next process is as well off as the kernel's locks leave it.
void note_doubt(const io::OpenDisk& disk, std::uint32_t slot, Duration time);

// Removes what is over. Believed is only what this boot has noted, by this clock.
bool in_doubt(const io::OpenDisk& disk, std::uint32_t slot);

}  // namespace diskpaxos::node
