#include "cli/bare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/errno_text.hpp"

namespace diskpaxos::cli {

BareLoop::BareLoop(Group& group, std::uint32_t cell)
    : group_(group),
      cell_(cell),
      place_(group.seat()->slot * group.geometry().ring + group.seat()->ring_index),
      scope_(group.world().queue) {}

Task<Result<void>> BareLoop::run(unsigned rounds, Duration longest, Instant deadline) {
    Clock& clock = group_.world().clock;
    if (!group_.roster().active().empty()) co_return Result<void>();  // no such block is there
    co_await group_.cell(cell_).idle().wait();
    targets_.clear();
    for (std::size_t disk = 0; disk < group_.roster().disks(); ++disk) {
        if (group_.seat()->open.contains(disk)) scope_.spawn(fetch(disk));
    }
    co_await scope_.idle().wait_until(clock, deadline);
    if (!scope_.idle().is_set() || targets_.size() <= group_.roster().disks() / 2) {
        co_return Result<void>();  // no majority has a block of ours: nothing to compare with
    }
    const Instant end = clock.now() + longest;
    for (unsigned i = 0; i < rounds && clock.now() < end; ++i) {
        auto one = round(deadline);
        Result<void> done = co_await one;
        if (!done) co_return done;
    }
    co_return Result<void>();
}

// Only a block that this very process has written is written again.
Task<void> BareLoop::fetch(std::size_t disk) {
    Disk& device = *group_.roster().members[disk];
    const Superblock& common = group_.roster().common;
    const RowAddress row{common.group, Superblock::tag(common.disks[disk]), cell_,
                         &common.geometry};
    const Extent own{common.geometry.block(cell_, place_), 1};
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, own);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return;
    const Decoded block = decode_block(io->in.bytes(), row.block(place_));
    if (block.state != BlockState::valid) co_return;
    if (block.block.incarnation != group_.seat()->me) co_return;
    const ByteView bytes = io->in.bytes();
    targets_.push_back({&device, Bytes(bytes.begin(), bytes.end())});
}

Task<Result<void>> BareLoop::round(Instant deadline) {
    Clock& clock = group_.world().clock;
    answered_ = 0;
    majority_.reset();
    const Instant start = clock.now();
    for (std::size_t target = 0; target < targets_.size(); ++target) scope_.spawn(visit(target));
    const bool reached = co_await majority_.wait_until(clock, deadline);
    const Duration took = clock.now() - start;
    const bool all = reached && co_await scope_.idle().wait_until(clock, deadline);
    if (!all || error_ != 0) {
        co_return std::unexpected(Error{
            Code::io,
            fmt::format("the bare loop: {}; what was measured is void",
                        error_ != 0 ? errno_text(error_) : "a disk does not answer in time")});
    }
    times_.push_back(took);
    co_return Result<void>();
}

Task<void> BareLoop::visit(std::size_t target) {
    Disk& disk = *targets_[target].disk;
    const Geometry& geometry = group_.geometry();
    const Extent row = geometry.reach(cell_, geometry.tier_of(place_ / geometry.ring));
    IoPtr io = disk.prepare(Io::Kind::visit, Extent{geometry.block(cell_, place_), 1}, row);
    std::ranges::copy(targets_[target].own, io->out.bytes().begin());
    io = co_await Transfer(disk, std::move(io));
    if (io->error != 0) error_ = io->error;
    for (std::size_t at = 0; at < io->in.size(); at += geometry.block_size) {  // formatted over?
        const ByteView block = ByteView(io->in.bytes()).subspan(at, geometry.block_size);
        if (names_another_group(block, group_.roster().common.group)) error_ = ESTALE;
    }
    if (++answered_ > group_.roster().disks() / 2) majority_.set();
}

}  // namespace diskpaxos::cli
