#include "node/active_disk.hpp"

#include <fmt/format.h>

#include "group/assemble.hpp"
#include "remote/agent_disk.hpp"
#include "scsi/open.hpp"

namespace diskpaxos::node {

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

Opening::Opening(World& world, io::Loop& loop, std::vector<std::string> names, Duration time_out)
    : world_(world),
      loop_(loop),
      names_(std::move(names)),
      time_out_(time_out),
      opened_(names_.size()),
      scope_(world.queue) {}

Task<void> Opening::open(std::size_t which) {
    auto opening = open_active(world_, loop_, names_[which], time_out_);
    Result<ActiveDisk> active = co_await opening;
    if (!over_) opened_[which].emplace(std::move(active));
    progress_.set();
}

Task<std::vector<std::optional<Result<ActiveDisk>>>> Opening::run(std::size_t enough) {
    std::size_t paths = 0;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        is_url(names_[i]) ? scope_.spawn(open(i)) : void(++paths);
    }
    std::optional<Instant> until;  // more than enough are there
    while (!scope_.idle().is_set() && (!until || world_.clock.now() < *until)) {
        progress_.reset();
        const Instant far = world_.clock.now() + 2 * time_out_;
        co_await progress_.wait_until(world_.clock, until.value_or(far));
        std::size_t there = paths;
        for (const auto& one : opened_) there += one && *one ? 1U : 0U;
        if (!until && there > enough) until = world_.clock.now() + grace;
    }
    over_ = true;
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (!is_url(names_[i]) || opened_[i]) continue;
        opened_[i].emplace(std::unexpected(
            Error{Code::io, fmt::format("{}: no answer in time, unlike others", names_[i])}));
    }
    co_return std::move(opened_);
}

}  // namespace diskpaxos::node
