// Member: a process with a session, on a host of its own unless it shares one; Members: several of
// them over three disks in memory, in pretended time.
#pragma once

#include <gtest/gtest.h>

#include "group/cluster.hpp"
#include "lock/lock.hpp"

namespace diskpaxos {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Dying is being destroyed: what it was doing stops where it stands.
class Member {
  public:
    Member(Cluster& on, HostLocks& kernel, const std::string& host,
           std::optional<std::uint32_t> slot = std::nullopt)
        : cluster(on),
          process(on, kernel, host_named(host), slot),
          session(on.world, process.directory,
                  static_cast<std::uint16_t>(process.seated ? process.group.seat()->slot : 0),
                  SessionOwner{host, {}, 4711, "test", 0}) {
        EXPECT_TRUE(process.seated);
        opened = on.run(session.open(on.soon()));
        EXPECT_TRUE(opened);
    }

    Lock& lock(const std::string& name) {
        auto& held = locks[name];
        if (!held) held = std::make_unique<Lock>(cluster.world, process.directory, session, name);
        return *held;
    }
    LockWish wish(LockMode mode = LockMode::exclusive, Duration wait = seconds(100)) const {
        return {.mode = mode,
                .wait = wait > Duration(0),
                .until = cluster.clock.now() + wait,
                .patience = seconds(2)};
    }
    Result<std::uint64_t> acquire(const std::string& name, LockMode mode = LockMode::exclusive,
                                  Duration wait = seconds(100)) {
        return cluster.run(lock(name).acquire(wish(mode, wait)));
    }
    Result<void> release(const std::string& name) {
        return cluster.run(lock(name).release(cluster.soon()));
    }
    Result<void> leave() { return cluster.run(session.leave(cluster.soon())); }

    Cluster& cluster;
    Process process;
    Session session;
    Result<void> opened;
    std::map<std::string, std::unique_ptr<Lock>> locks;
};

class Members : public ::testing::Test {
  protected:
    static constexpr Geometry shape{.block_size = 512, .slots = 8, .ring = 2, .cells = 16};
    Members() : cluster(3, shape) { EXPECT_TRUE(cluster.format(8)); }

    std::unique_ptr<Member> member(std::optional<std::uint32_t> slot = std::nullopt) {
        return std::make_unique<Member>(cluster, home, "home", slot);
    }
    // Time passes; whoever has something to do does it.
    void pass(Duration time) {
        const Instant until = cluster.clock.now() + time;
        cluster.run(sleep_until(cluster.clock, until));
    }
    static Task<bool> sleep_until(Clock& clock, Instant until) {
        co_await clock.sleep_until(until);
        co_return true;
    }

    Cluster cluster;
    HostLocks home;
    const Timing timing{seconds(10)};
};

}  // namespace diskpaxos
