#include "node/real_world.hpp"

namespace diskpaxos::node {

Result<std::unique_ptr<RealWorld>> RealWorld::make(io::Backend backend, const Warn& warn) {
    Result<io::MadeLoop> made = io::make_loop(backend);
    if (!made) return std::unexpected(made.error());
    if (!made->remark.empty()) warn(made->remark + "; using threads instead");
    return std::unique_ptr<RealWorld>(new RealWorld(std::move(made->loop)));
}

Disk& RealWorld::add(std::unique_ptr<io::OpenDisk> file, const Before& before) {
    Member member;
    member.path = file->path();
    member.disk = loop_->attach(*file, file->facts().logical_block_size);
    member.file = std::move(file);
    return add(std::move(member), before);
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
