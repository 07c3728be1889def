// Locks: each process has a session of its own, as `diskpaxos run` has.
#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "bench/yardstick/member.hpp"
#include "bench/yardstick/operations.hpp"

namespace diskpaxos::yardstick {

namespace {

enum Timed : std::uint8_t { acquired, released, both };

const std::vector<std::string> series = {"acquire", "release", "pair"};

Task<void> take_and_give_back(Member& member, Meter& meter, Lock& lock) {
    const Moment start = now();
    auto acquiring = member.acquire(lock);
    co_await acquiring;
    const Moment held = now();
    auto releasing = member.release(lock);
    co_await releasing;
    const Moment done = now();
    meter.note(acquired, start, held);
    meter.note(released, held, done);
    meter.note(both, start, done);
}

Task<void> again_and_again(Member& member, Meter& meter, std::string name) {
    Lock lock = member.lock(std::move(name));
    for (bool more = true; more;) {
        auto pair = take_and_give_back(member, meter, lock);
        co_await pair;
        more = meter.lap(member.loop().counts(), now());
    }
}

Task<void> once(Member& member, Meter& meter, std::string name) {
    Lock lock = member.lock(std::move(name));
    auto pair = take_and_give_back(member, meter, lock);
    co_await pair;
    meter.count();
}

std::string name_of(const Meter& meter, unsigned number) {
    return fmt::format("lock/{}.{}", meter.me(), number);
}

void hold_some(Member& member, Meter& meter, unsigned count, bool own) {
    Scope scope(member.loop().queue());
    for (unsigned i = 0; i < count; ++i) {
        const std::string name = own ? name_of(meter, i) : "one";
        scope.spawn(again_and_again(member, meter, name));
    }
    member.loop().run_until(scope.idle());
}

}  // namespace

void lock(const Wish& wish) {
    Performance done = perform(wish, Load::steady, series, [&](Meter& meter) {
        Member member(wish, wish.processes);
        meter.ready(member.loop());
        hold_some(member, meter, wish.concurrency, true);
    });
    done.outcome.print();
}

// All processes want the same one. The shares say how fair it was: 1 is what each would have got of
// an equal distribution.
void lock_one(const Wish& wish) {
    if (wish.concurrency != 1) {
        fail(Error{Code::usage, "lock-one: a process asks for one lock once at a time"});
    }
    Performance done = perform(wish, Load::steady, series, [&](Meter& meter) {
        Member member(wish, wish.processes);
        meter.ready(member.loop());
        hold_some(member, meter, 1, false);
    });
    const auto [least, greatest] = std::ranges::minmax(done.operations);
    const double share = static_cast<double>(done.outcome.operations) / wish.processes;
    done.outcome.more = member("luckiest", static_cast<double>(greatest) / share) +
                        member("unluckiest", static_cast<double>(least) / share);
    done.outcome.print();
}

void lock_cold(const Wish& wish) {
    Performance done = perform(wish, Load::sparse, series, [&](Meter& meter) {
        meter.ready();
        while (!meter.over()) {
            Member member(wish, wish.processes);
            Scope scope(member.loop().queue());
            if (meter.warm()) meter.resume(member.loop().counts());
            for (unsigned i = 0; i < wish.concurrency; ++i) {
                scope.spawn(once(member, meter, name_of(meter, i)));
            }
            member.loop().run_until(scope.idle());
            meter.pause(member.loop().counts());
        }
    });
    done.outcome.print();
}

// From a list of disks to an open session: nothing is known of them before.
void join(const Wish& wish) {
    if (wish.concurrency != 1) fail(Error{Code::usage, "join: a process joins once at a time"});
    Performance done = perform(wish, Load::sparse, {"join"}, [&](Meter& meter) {
        meter.ready();
        while (!meter.over()) {
            if (meter.warm()) meter.resume({});
            const Moment start = now();
            Member member(wish, wish.processes);
            meter.note(0, start, now());
            meter.count();
            meter.pause(member.loop().counts());
        }
    });
    done.outcome.print();
}

// ---- the sign of life of a session, whatever hangs on it

namespace {

Task<void> hold(Member& member, std::deque<Lock>& locks, std::size_t from, std::size_t step) {
    for (std::size_t i = from; i < locks.size(); i += step) {
        auto acquiring = member.acquire(locks[i]);
        co_await acquiring;
    }
}

Task<void> watch(Member& member, Meter& meter) {
    Session& session = member.session;
    for (bool more = true; more;) {
        session.changed().reset();
        co_await session.changed().wait();
        if (!session.open()) fail(session.why_lost());
        const Instant started = session.valid_until() - session.timing().ttl();
        meter.note(0, microseconds(member.loop().now() - started));
        more = meter.lap(member.loop().counts(), now());
    }
}

}  // namespace

void renew(const Wish& wish) {
    if (wish.concurrency != 1) fail(Error{Code::usage, "renew: a process has one session"});
    Performance done = perform(wish, Load::sparse, {"renewal"}, [&](Meter& meter) {
        Member member(wish, wish.processes);
        std::deque<Lock> locks;
        for (unsigned i = 0; i < wish.held; ++i) {
            locks.push_back(member.lock(name_of(meter, i)));
        }
        Scope scope(member.loop().queue());
        constexpr std::size_t at_once = 64;
        for (std::size_t i = 0; i < at_once; ++i) scope.spawn(hold(member, locks, i, at_once));
        member.loop().run_until(scope.idle());
        meter.ready(member.loop());
        scope.spawn(watch(member, meter));
        member.loop().run_until(scope.idle());
    });
    const io::Counts& io = done.outcome.costs->io;
    const double each = done.outcome.seconds * static_cast<double>(wish.disks.size());
    done.outcome.more =
        member("writes_per_second_and_disk", static_cast<double>(io.writes) / each) +
        member("reads_per_second_and_disk", static_cast<double>(io.reads) / each);
    done.outcome.print();
}

}  // namespace diskpaxos::yardstick
