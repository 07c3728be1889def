#include "group/returning.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_both{.read = true, .write = true};
}  // namespace

Task<std::vector<std::uint32_t>> GiveBack::run(std::vector<std::uint32_t> slots, Instant deadline) {
    std::vector<std::uint32_t> given;
    const DiskSet claiming = lock_everywhere(roster_, locks_, claim_lock);
    std::vector<Asked> asked;
    for (const std::uint32_t slot : slots) {
        if (!rule_.suffices(for_both, claiming)) break;
        // On every disk, not only on a majority: where a lock is not to be had, a write of a process
        // that has just ended may be under way, and would meet the next owner.
        const DiskSet disks = lock_everywhere(roster_, locks_, slot);
        if (disks.size() < roster_.disks()) {
            unlock(roster_, locks_, slot, disks);
            continue;
        }
        Asked one;
        one.slot = slot;
        one.wish = Wish::give_back;
        asked.push_back(one);
        locked_.emplace_back(slot, disks);
    }
    const std::vector<Claimed> claimed = co_await claim_.run(std::move(asked), Watched(), deadline);
    unlock(roster_, locks_, claim_lock, claiming);  // nothing more is submitted: others may claim
    for (const Claimed& one : claimed) {
        if (one.won) given.push_back(one.slot);
    }
    const bool answered = co_await claim_.all_answered(deadline);
    if (answered && drained_at() <= world_.clock.now()) let_go();
    co_return given;
}

Task<void> GiveBack::let_go_later() {
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    for (;;) {
        const bool answered = co_await claim_.all_answered(world_.clock.now() + ttl);
        if (answered) break;
    }
    co_await world_.clock.sleep_until(drained_at());
    let_go();
}

void GiveBack::let_go() {
    for (const auto& [slot, disks] : locked_) unlock(roster_, locks_, slot, disks);
    locked_.clear();
}

namespace {
Error unread() {
    return {Code::no_quorum,
            "the slot table cannot be read on a majority of the disks; nothing was changed"};
}
}  // namespace

Task<Result<Forgetting::Outcome>> Forgetting::run(Duration ttl, Duration patience) {
    const Result<void> waited = co_await wait(ttl, patience);
    if (!waited) co_return std::unexpected(waited.error());
    co_return co_await claim(patience);
}

Duration Forgetting::length(Duration ttl) const {
    if (mutated(Mutant::forgotten_awake)) return Duration(0);
    return std::max(ttl, ttl_) + drain_time(ttl_);
}

Task<Result<void>> Forgetting::wait(Duration ttl, Duration patience) {
    const bool read = co_await table_.read(world_.clock.now() + patience);
    if (!read) co_return std::unexpected(unread());
    watched_ = Watched(table_.copies(), table_.complete(), ttl_);
    co_await world_.clock.sleep(length(ttl));
    if (!mutated(Mutant::forgotten_awake)) co_await world_.clock.sleep_until(watched_.due());
    co_return Result<void>();
}

Task<Result<Forgetting::Outcome>> Forgetting::claim(Duration patience) {
    const bool read = co_await table_.read(world_.clock.now() + patience);
    if (!read) co_return std::unexpected(unread());
    watched_.read_again(table_.copies());
    std::vector<Asked> asked;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.owner.held() || view.owner.host != forgotten_) continue;
        Asked one;
        one.slot = slot;
        one.wish = Wish::forget;
        one.forgotten = forgotten_;
        asked.push_back(one);
    }
    const std::vector<Claimed> claimed =
        co_await claim_.run(std::move(asked), watched_, world_.clock.now() + patience,
                            ClaimTiming::of(ttl_).wait);
    Outcome outcome;
    for (const Claimed& one : claimed) {
        (one.won ? outcome.freed : outcome.left).push_back(one.slot);
    }
    co_await claim_.all_answered(world_.clock.now() + patience);
    co_return outcome;
}

}  // namespace diskpaxos
