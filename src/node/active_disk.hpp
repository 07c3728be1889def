// Disks that are named by a URL: an agent's store (agent://, agent+unix://), or a SCSI disk that
// offers COMPARE AND WRITE (iscsi://, scsi://). What a name is, is told by nothing else.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "async/world.hpp"
#include "disk/disk.hpp"
#include "diskpaxos/error.hpp"
#include "io/loop.hpp"

namespace diskpaxos::node {

struct ActiveDisk {
    std::unique_ptr<Disk> disk;
    std::string identity;  // the same for every URL that leads to it
};

inline bool is_url(std::string_view name) { return name.find("://") != std::string_view::npos; }

// `time_out`: of the opening, and of each request from then on: it ends the waiting, no more.
Task<Result<ActiveDisk>> open_active(World& world, io::Loop& loop, std::string url,
                                     Duration time_out);

// Those of `names` that are URLs, all at once; the others stay empty.
Task<std::vector<std::optional<Result<ActiveDisk>>>> open_all_active(World& world, io::Loop& loop,
                                                                     std::vector<std::string> names,
                                                                     Duration time_out);

}  // namespace diskpaxos::node
