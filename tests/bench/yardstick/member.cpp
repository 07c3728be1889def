#include "bench/yardstick/member.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace diskpaxos::yardstick {

std::unique_ptr<node::OpenGroup> join(const Wish& wish, unsigned seats) {
    node::OpenOptions options;
    options.disks = wish.disks;
    options.timeout = patience;
    auto group = node::OpenGroup::open(std::move(options));
    if (!group) fail(group.error());
    const Superblock& common = (*group)->roster().common;
    if (common.kinds() != DiskKinds::active && common.geometry.slots < seats) {
        fail(Error{Code::usage,
                   fmt::format("the group has {} slots, but {} processes need one each; "
                               "format it with more --slots",
                               common.geometry.slots, seats)});
    }
    const Result<void> seat = (*group)->take_seat();
    if (!seat) fail(seat.error());
    return std::move(*group);
}

void finish(node::OpenGroup& group, Task<void> task) {
    io::Loop& loop = group.real().loop();
    Scope scope(loop.queue());
    scope.spawn(std::move(task));
    loop.run_until(scope.idle());
}

Member::Member(const Wish& wish, unsigned seats)
    : group(join(wish, seats)),
      directory(group->group()),
      session(group->world(), directory, static_cast<std::uint16_t>(group->group().seat()->slot),
              SessionOwner{"here", {}, static_cast<std::uint32_t>(getpid()), "yardstick", 0}) {
    const Result<void> opened = group->run(session.open(group->deadline()));
    if (!opened) fail(opened.error());
}

Member::~Member() {
    const Result<void> left = group->run(session.leave(group->deadline()));
    if (!left) fail(left.error());
}

Task<std::uint64_t> Member::acquire(Lock& lock) {
    LockWish wish;
    wish.until = group->deadline() + std::chrono::hours(1);
    wish.patience = patience;
    const Result<std::uint64_t> token = co_await lock.acquire(wish);
    if (!token) fail(token.error());
    co_return *token;
}

Task<void> Member::release(Lock& lock) {
    const Result<void> released = co_await lock.release(group->deadline());
    if (!released) fail(released.error());
}

}  // namespace diskpaxos::yardstick
