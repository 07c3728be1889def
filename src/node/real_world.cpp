#include "node/real_world.hpp"

#include "io/aside.hpp"

namespace diskpaxos::node {

Result<std::unique_ptr<RealWorld>> RealWorld::make(io::Backend backend, const Warn& warn) {
    Result<io::MadeLoop> made = io::make_loop(backend);
    if (!made) return std::unexpected(made.error());
    if (!made->remark.empty()) warn(made->remark + "; using threads instead");
    return std::unique_ptr<RealWorld>(new RealWorld(std::move(made->loop)));
}

Disk& RealWorld::add(std::unique_ptr<io::OpenDisk> file, const Before& before) {
    return add(attached(std::move(file)), before);
}

RealWorld::Member RealWorld::attached(std::unique_ptr<io::OpenDisk> file) {
    Member member;
    member.path = file->path();
    member.disk = loop_->attach(*file, file->facts().logical_block_size);
    member.file = std::move(file);
    return member;
}

Task<Result<RealWorld::Member>> RealWorld::open_aside(std::string name, io::Access access,
                                                      Duration time_out) {
    Member member;
    if (is_url(name)) {
        auto opening = open_active(world_, *loop_, name, time_out);
        Result<ActiveDisk> active = co_await opening;
        if (!active) co_return std::unexpected(active.error());
        member.path = name;
        member.disk = std::move(active->disk);
        member.identity = std::move(active->identity);
    } else {
        using Opened = Result<std::unique_ptr<io::OpenDisk>>;
        std::function<Opened()> work = [name, access] { return io::OpenDisk::open(name, access); };
        auto opening = io::aside<Opened>(*loop_, std::move(work));
        std::optional<Opened> file = co_await opening;
        if (!file) co_return std::unexpected(Error{Code::io, name + ": no thread to open it"});
        if (!*file) co_return std::unexpected(file->error());
        member = attached(std::move(**file));
    }
    co_return member;
}

std::vector<std::optional<Result<ActiveDisk>>> RealWorld::open_urls(std::vector<std::string> names,
                                                                    Duration time_out,
                                                                    std::size_t enough) {
    openings_.push_back(std::make_unique<Opening>(world_, *loop_, std::move(names), time_out));
    return run(openings_.back()->run(enough));
}

Disk& RealWorld::add(const std::string& url, ActiveDisk active, const Before& before) {
    Member member;
    member.path = url;
    member.disk = std::move(active.disk);
    member.identity = std::move(active.identity);
    return add(std::move(member), before);
}

Disk& RealWorld::add(Member member, const Before& before) {
    if (before) member.disk = before(std::move(member.disk));
    members_.push_back(std::move(member));
    return *members_.back().disk;
}

}  // namespace diskpaxos::node
