// What the kernel knows about an open file or device.
#pragma once

#include "io/open_disk.hpp"

namespace diskpaxos::io {

// Everything but `direct` and `writable`; of a file the physical sector is that of the drive below it,
// or 0 where the kernel does not tell, as of a network file system; or the errno of the question that failed, or
// ENOTBLK if it is neither a regular file nor a block device.
std::expected<DiskFacts, int> learn_facts(int fd);

// The same of a file that is yet to be created in `folder`, as far as the folder tells: block sizes and
// overlay only. Nothing stays there.
DiskFacts learn_facts_in(const std::string& folder);

}  // namespace diskpaxos::io
