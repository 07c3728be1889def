#include "node/active_disk.hpp"

#include <fmt/format.h>

#include "async/scope.hpp"
#include "group/assemble.hpp"
#include "remote/agent_disk.hpp"
#include "scsi/open.hpp"

namespace diskpaxos::node {

namespace {

using Opened = std::vector<std::optional<Result<ActiveDisk>>>;

Task<void> open_into(World& world, io::Loop& loop, std::string url, Duration time_out,
                     std::optional<Result<ActiveDisk>>& opened) {
    opened.emplace(co_await open_active(world, loop, std::move(url), time_out));
}

}  // namespace

Task<Result<ActiveDisk>> open_active(World& world, io::Loop& loop, std::string url,
                                     Duration time_out) {
    ActiveDisk active;
    if (remote::is_url(url)) {
        auto disk = co_await remote::AgentDisk::open(world, loop, url, time_out);
        if (!disk) co_return std::unexpected(disk.error());
        active.identity = uuid_text((*disk)->store());
        active.disk = std::move(*disk);
        co_return active;
    }
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

Task<Opened> open_all_active(World& world, io::Loop& loop, std::vector<std::string> names,
                             Duration time_out) {
    Opened opened(names.size());
    Scope scope(world.queue);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (is_url(names[i])) scope.spawn(open_into(world, loop, names[i], time_out, opened[i]));
    }
    co_await scope.idle().wait();
    co_return opened;
}

}  // namespace diskpaxos::node
