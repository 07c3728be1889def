#include "node/active_disk.hpp"

#include <fmt/format.h>

#include "scsi/open.hpp"

namespace diskpaxos::node {

Task<Result<ActiveDisk>> open_active(World& world, io::Loop& loop, std::string url,
                                     Duration time_out) {
    ActiveDisk active;
    if (scsi::is_url(url)) {
        auto disk = co_await scsi::open(world, loop, url, time_out);
        if (!disk) co_return std::unexpected(disk.error());
        active.identity = (*disk)->facts().identity;
        active.disk = std::move(*disk);
        co_return active;
    }
    co_return std::unexpected(Error{
        Code::usage, fmt::format("{}: a disk is a path, or agent://HOST:PORT/NAME, "
                                 "agent+unix:///PATH, iscsi://HOST/TARGET/LUN or scsi:///dev/NAME",
                                 url)});
}

}  // namespace diskpaxos::node
