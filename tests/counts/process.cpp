#include "process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "group/assemble.hpp"

namespace diskpaxos {

namespace {

using namespace std::chrono_literals;

std::unique_ptr<io::Loop> made(io::Backend backend) {
    Result<io::MadeLoop> loop = io::make_loop(backend);
    CHECK(loop.has_value());
    return std::move(loop->loop);
}

}  // namespace

Host host_named(const std::string& name) {
    Host host;
    CHECK(name.size() <= host.id.size());
    std::memcpy(host.id.data(), name.data(), name.size());
    host.boot.fill(std::byte{1});
    host.name = name;
    return host;
}

Process::Process(io::Backend backend)
    : loop_(made(backend)), world_{loop_->queue(), *loop_, random_, trace_} {}

Process::Process(const Paths& paths, const Wish& wish) : Process(wish.backend) {
    open(paths, io::Access::write);
    if (problem_.empty()) join(wish);
}

void Process::open(const Paths& paths, io::Access access) {
    for (const std::string& path : paths) {
        auto file = io::OpenDisk::open(path, access);
        if (!file) {
            problem_ = file.error().sentence;
            return;
        }
        files_.push_back(std::move(*file));
        disks_.push_back(loop_->attach(*files_.back(), files_.back()->facts().logical_block_size));
        locks_.add(*disks_.back(), *files_.back());
    }
}

void Process::join(const Wish& wish) {
    std::vector<Disk*> disks;
    for (const auto& disk : disks_) disks.push_back(disk.get());
    Assembly assembly(world_, disks);
    Result<Roster> roster = run(assembly.run(true, in(10s)));
    if (!roster) {
        problem_ = roster.error().sentence;
        return;
    }
    group_ = std::make_unique<Group>(world_, std::move(*roster));
    SeatWish seat;
    seat.host = host_named(wish.host);
    seat.uptime = std::chrono::hours(1);  // writes of an earlier boot are over
    seat.slot = wish.slot;
    const Result<void> taken = run(group_->take_seat(locks_, std::move(seat), in(10s)));
    if (!taken) problem_ = taken.error().sentence;
}

void format_group(const Paths& paths, const Geometry& geometry, std::uint32_t ttl_ms,
                  const std::string& host) {
    Process process(io::Backend::automatic);
    process.open(paths, io::Access::overwrite);
    CHECK(process.problem().empty());
    FormatPlan plan;
    plan.superblock = new_superblock("test", paths.size(), geometry, ttl_ms, 0);
    for (const auto& disk : process.disks_) {
        CHECK(disk->use_block_size(geometry.block_size));
        plan.disks.push_back(disk.get());
    }
    plan.host = host_named(host);
    plan.host_slots = first_share(geometry.slots);
    const bool stop = false;
    Formatter formatter(process.world_, std::move(plan), [](std::uint64_t) {});
    const Result<void> done = process.run(formatter.run(stop));
    CHECK(done.has_value());
}

std::uint64_t number_in(ByteView value) {
    std::uint64_t number = 0;
    CHECK(value.size() <= sizeof number);  // empty: nobody has written it
    if (!value.empty()) std::memcpy(&number, value.data(), value.size());
    return number;
}

void put_number(Bytes& value, std::uint64_t number) {
    value.resize(sizeof number);
    std::memcpy(value.data(), &number, sizeof number);
}

}  // namespace diskpaxos
