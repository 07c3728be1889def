// Makes the disks a group as `diskpaxos format` does, but without asking, and with any ring. A file
// that is not there is created.
#include "group/format.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/yardstick/member.hpp"
#include "bench/yardstick/operations.hpp"
#include "node/host.hpp"

namespace diskpaxos::yardstick {

namespace {

void create(const std::string& path, std::uint64_t bytes) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return;
    if (fd < 0) fail(fmt::format("{}: {}", path, std::strerror(errno)));
    const int refusal = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    if (refusal != 0) fail(fmt::format("{}: {}", path, std::strerror(refusal)));
    close(fd);
}

void open_disks(node::RealWorld& real, const Wish& wish) {
    auto active = real.open_urls(wish.disks, patience, wish.disks.size());
    for (std::size_t i = 0; i < wish.disks.size(); ++i) {
        const std::string& name = wish.disks[i];
        if (active[i]) {
            if (!*active[i]) fail(active[i]->error());
            real.add(name, std::move(**active[i]));
            continue;
        }
        create(name, wish.geometry.bytes());
        auto file = io::OpenDisk::open(name, io::Access::overwrite, wish.geometry.bytes());
        if (!file) fail(file.error());
        real.add(std::move(*file));
    }
}

}  // namespace

void format(const Wish& wish) {
    const char* const objection = wish.geometry.objection();
    if (objection != nullptr) fail(Error{Code::usage, objection});
    auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
    if (!real) fail(real.error());
    open_disks(**real, wish);
    FormatPlan plan;
    plan.superblock =
        new_superblock("yardstick", wish.disks.size(), wish.geometry, wish.ttl_ms, node::unix_ms());
    for (const node::RealWorld::Member& member : (*real)->members()) {
        if (!member.disk->use_block_size(wish.geometry.block_size)) {
            fail(Error{Code::usage, fmt::format("{} has no blocks of {} bytes", member.path,
                                                wish.geometry.block_size)});
        }
        plan.disks.push_back(member.disk.get());
    }
    const Result<node::ThisHost> host = node::this_host(plan.superblock.group);
    if (!host) fail(host.error());
    plan.host = host->host;
    plan.host_slots = first_share(wish.geometry.slots);
    const bool stop = false;
    Formatter formatter((*real)->world(), std::move(plan), [](std::uint64_t) {});
    const Result<void> done = (*real)->run(formatter.run(stop));
    if (!done) fail(done.error());
}

}  // namespace diskpaxos::yardstick
