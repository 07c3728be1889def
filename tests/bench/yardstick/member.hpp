// One process of a group, as node opens it for everybody; and, for locks, its session.
#pragma once

#include <memory>
#include <string>

#include "bench/yardstick/stage.hpp"
#include "bench/yardstick/wish.hpp"
#include "lock/lock.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::yardstick {

inline constexpr Duration patience = std::chrono::seconds(20);

// Fails with one sentence if the group has not `seats` slots; they may all be wanted at the same
// time.
std::unique_ptr<node::OpenGroup> join(const Wish& wish, unsigned seats);

// Drives everything until `task` is done.
void finish(node::OpenGroup& group, Task<void> task);

class Member {
  public:
    Member(const Wish& wish, unsigned seats);
    ~Member();  // leaves its session

    // The token; fails if there is none.
    Task<std::uint64_t> acquire(Lock& lock);
    Task<void> release(Lock& lock);
    Lock lock(std::string name) {
        return Lock(group->world(), directory, session, std::move(name));
    }
    io::Loop& loop() { return group->real().loop(); }

    const std::unique_ptr<node::OpenGroup> group;
    Directory directory;
    Session session;
};

}  // namespace diskpaxos::yardstick
