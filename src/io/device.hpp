// What the kernel knows about an open file or device.
#pragma once

#include "io/open_disk.hpp"

namespace diskpaxos::io {

// Everything but `direct` and `writable`; or the errno of the question that failed, or
// ENOTBLK if it is neither a regular file nor a block device.
std::expected<DiskFacts, int> learn_facts(int fd);

}  // namespace diskpaxos::io
