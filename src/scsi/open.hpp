// Opens a LUN as an active disk, by its URL:
//
//   iscsi://[USER%PASSWORD@]HOST[:PORT]/IQN/LUN    over the network; needs no privilege
//   scsi:///dev/sdX                                by the kernel's initiator; needs CAP_SYS_RAWIO
//
// A LUN on which COMPARE AND WRITE does not work, or does not compare, is refused (probe.hpp).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/world.hpp"
#include "diskpaxos/error.hpp"
#include "io/loop.hpp"
#include "scsi/caw_disk.hpp"

namespace diskpaxos::scsi {

bool is_url(std::string_view text);  // of one of these two kinds

// `time_out` is how long one command may take, and how long a request is tried again. Two disks
// whose facts().identity is the same, and not empty, are one disk.
Task<Result<std::unique_ptr<CawDisk>>> open(World& world, io::Loop& loop, std::string url,
                                            Duration time_out);

}  // namespace diskpaxos::scsi
