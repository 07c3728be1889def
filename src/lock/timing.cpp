// The inequalities of docs/timing.md, for every TTL that `format` accepts in steps of a second.
#include "lock/timing.hpp"

namespace diskpaxos {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bool for_every_ttl(bool (*holds)(Timing)) {
    for (int ttl = 1; ttl <= 3600; ++ttl) {
        if (!holds(Timing(seconds(ttl)))) return false;
    }
    return true;
}

// T1. T >= L (1+rho)/(1-rho): who waits T has waited out the session, however the clocks drift.
constexpr bool observers_wait_long_enough(Timing t) {
    const std::int64_t d = Timing::drift;
    return t.observe().count() * (d - 1) >= t.ttl().count() * (d + 1);
}
static_assert(for_every_ttl(observers_wait_long_enough));

// T2. Asked to stop, made to stop, expired: in this order, and time to die after each.
constexpr bool killed_in_time(Timing t) {
    return t.terminate_before() > t.kill_before() && t.kill_before() >= milliseconds(100);
}
static_assert(for_every_ttl(killed_in_time));

// T3. Three renewals may be lost, or one attempt hang, without anything being killed.
constexpr bool renewals_may_fail(Timing t) {
    return 4 * t.renewal() <= t.ttl() - t.terminate_before() &&
           t.renewal() + t.attempt() <= t.ttl() - t.terminate_before();
}
static_assert(for_every_ttl(renewals_may_fail));

// T4. A waiter sees the last sign of life at most one renewal late, and asks again as soon as T is
// over: so who died is replaced within TTL + one renewal + one acquisition.
constexpr bool takeover_is_bounded(Timing t) {
    return t.renewal() + (t.observe() - t.ttl()) <= t.renewal() + t.ttl() / 100 &&
           t.lazy_poll() <= t.renewal();
}
static_assert(for_every_ttl(takeover_is_bounded));

// T5. The last pet is at most TTL - W - R after the start of a renewal; so the host is reset
// before the session expires, and between two renewals there is always time for a pet.
constexpr bool watchdog_fires_first(Timing t) {
    return t.watchdog() == seconds(0) || t.watchdog() + t.reset() + 2 * t.renewal() <= t.ttl();
}
static_assert(for_every_ttl(watchdog_fires_first));

}  // namespace

}  // namespace diskpaxos
