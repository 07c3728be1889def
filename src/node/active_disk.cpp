#include "node/active_disk.hpp"

#include <fmt/format.h>

namespace diskpaxos::node {

Task<Result<ActiveDisk>> open_active(World& world, io::Loop& loop, std::string url,
                                     Duration time_out) {
    (void)world, (void)loop, (void)time_out;
    co_return std::unexpected(Error{
        Code::usage, fmt::format("{}: disks are paths, agent://HOST:PORT/NAME, agent+unix:///PATH, "
                                 "iscsi://HOST/TARGET/LUN or scsi:///dev/NAME",
                                 url)});
}

}  // namespace diskpaxos::node
