// How a disk is laid out that is to be dumped: by its superblock, or by what is left of it.
#pragma once

#include <optional>

#include "cli/open_group.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos::cli {

struct DumpLayout {
    Superblock superblock;  // of this very disk
    std::optional<Retired> retired;  // then UUIDs of other disks are not known, and are zeros
};

// bad_data: nothing on the disk tells how it is laid out. no_quorum: it does not answer.
Result<DumpLayout> layout_of(RealWorld& real, Disk& device, Duration patience);

}  // namespace diskpaxos::cli
