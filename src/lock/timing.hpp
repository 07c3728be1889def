// Timing: every interval of sessions and locks, derived from the one TTL that the disks store
// (algorithms.md 9.1, 9.2). docs/timing.md draws the line and proves the inequalities; here the
// compiler checks them.
//
// Below sessions time decides nothing. Above, safety rests on two assumptions: clocks drift by no
// more than `drift`, and what a session started is dead `reaction` after it was killed. How long
// I/O takes, and how long a process sleeps, is not assumed: both only cost the lease.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "async/timer.hpp"

namespace diskpaxos {

class Timing {
  public:
    explicit constexpr Timing(Duration ttl) : ttl_(ttl) {}

    // A clock runs at most 1/drift too fast or too slow (500 ppm).
    static constexpr std::int64_t drift = 2000;

    // How long a session lives, from the *start* of the last renewal that a majority acknowledged.
    constexpr Duration ttl() const { return ttl_; }
    // Between the starts of two renewals: three may fail in a row before anything is killed.
    constexpr Duration renewal() const { return ttl_ / 6; }
    // An attempt that takes longer is given up for a fresh one: it would count from its start.
    constexpr Duration attempt() const { return ttl_ / 3; }
    // What the session guards is asked to stop, and then made to, so long before it expires.
    constexpr Duration terminate_before() const { return ttl_ / 4; }
    constexpr Duration kill_before() const { return ttl_ / 8; }

    // T: a session that showed no sign for so long, by the observer's own clock, has expired.
    constexpr Duration observe() const { return ttl_ + ttl_ / 500; }

    // A waiter looks at the lock this often at the most, and at the least.
    static constexpr Duration eager_poll = std::chrono::milliseconds(1);
    constexpr Duration lazy_poll() const {
        return std::clamp(ttl_ / 40, Duration(std::chrono::milliseconds(20)),
                          Duration(std::chrono::milliseconds(250)));
    }
    // The first in the queue has so long to take a lock that is free; then the next may.
    constexpr Duration grace() const { return 4 * lazy_poll(); }

    // Watchdogs count whole seconds. Zero: the TTL is too short for one.
    constexpr std::chrono::seconds watchdog() const {
        return std::chrono::floor<std::chrono::seconds>(ttl_ * 2 / 5);
    }
    // For the reset itself. When it may be petted says supervise/watchdog_rule.hpp.
    constexpr Duration reset() const { return ttl_ / 10; }

  private:
    Duration ttl_;
};

}  // namespace diskpaxos
