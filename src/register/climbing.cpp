// Walking up a disk that is behind (ceiling-C5): promises, 64 rounds above one another, many on their
// way at a time. They only promise, which is harmless whenever it arrives, and whatever becomes of the
// rest (disk/step.hpp). What was walked stays: who comes next goes on from there.
#include <algorithm>

#include "base/mutant.hpp"
#include "register/register.hpp"

namespace diskpaxos {

namespace {
constexpr unsigned most_rungs = 128;  // on their way to one disk; half of what an agent takes
}  // namespace

// Disks that did not answer when they were asked last.
DiskSet Register::silent() const {
    DiskSet result = failing_;
    if (!timed_out_) return result;
    const DiskSet heard = tally_.counted() | tally_.refused();
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        if (!heard.contains(disk)) result.insert(disk);
    }
    return result;
}

// Where we have a block of our own, its promise never sinks (2.4, F1). At active disks we have none:
// what we have promised there in vain binds nobody, and nothing was written at it.
Rank Register::least() const {
    const bool alone = std::ranges::all_of(disks_, [](const auto& disk) { return disk->judges(); });
    return alone ? climb_.least() : std::max(own_.promised, climb_.least());
}

Rank Register::floor() {
    const Climb::Way way = climb_.way(rule_, silent(), least(), world_.clock.now());
    return way.found ? way.above : climb_.highest();
}

// So long has a phase waited that was refused only by those it left out. In vain: then the next one
// waits twice as long. If it was won, twice as long as this one took will do.
void Register::bear(Decision decision, Duration waited) {
    if (decision == Decision::won) {
        forbearance_ = std::max(patience_, 2 * waited);
    } else if (decision == Decision::pending && waited >= forbearance_) {
        forbearance_ = 2 * waited;
    }
}

// A silent disk may only be slow, and the way without it may be endless. So we walk no longer than
// we have waited for it, and then ask it again.
Task<bool> Register::climb(Instant deadline) {
    const Instant began = world_.clock.now();
    const Climb::Way way = climb_.way(rule_, silent(), least(), began);
    const bool endless = mutated(Mutant::walked_to_the_end);
    const Instant end = endless ? deadline : std::min(deadline, began + forbearance_);
    bool arrived = way.found;
    for (std::size_t disk = 0; disk < disks_.size() && arrived; ++disk) {
        if (!way.walk.contains(disk)) continue;
        auto walking = walk(disk, way.above, end);
        arrived = co_await walking;
    }
    const Duration walked = world_.clock.now() - began;
    if (!arrived && walked >= forbearance_) forbearance_ = 2 * walked;
    co_return arrived;
}

// False: it is no use to go on.
Task<bool> Register::walk(std::size_t disk, Rank above, Instant deadline) {
    while (!climb_.admits(disk, above)) {
        const std::uint64_t before = climb_.limit(disk);
        Scope rungs(world_.queue);
        std::uint64_t next = before;
        for (unsigned i = 0; i < most_rungs && next < above.round + 2; ++i) {
            rungs.spawn(attend_rung(disk, {std::min(next, above.round), own_.me}));
            next += rung;
        }
        co_await rungs.idle().wait_until(world_.clock, deadline);
        if (climb_.limit(disk) <= before || world_.clock.now() >= deadline) co_return false;
    }
    co_return true;
}

Task<void> Register::attend_rung(std::size_t disk, Rank rank) {
    Sight sight = co_await disks_[disk]->promise(own_.me, ++own_.seq, rank);
    if (sight.failure.kind == Failure::Kind::above) {
        climb_.barred(disk, sight.row.highest, sight.limit, world_.clock.now());
    } else if (!sight.seen()) {
        failing_.insert(disk);
    } else {
        climb_.stands(disk, sight.row.promised.none() ? rank : sight.row.highest);
    }
}

}  // namespace diskpaxos
