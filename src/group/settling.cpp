#include "group/settling.hpp"

namespace diskpaxos {

Task<bool> Settling::run(std::uint32_t slot, Watched watched) {
    const Duration patience = ClaimTiming::of(ttl_).wait;
    std::vector<Asked> asked(1);
    asked[0].slot = slot;
    asked[0].wish = Wish::mend;
    const Instant enough_for_one = world_.clock.now() + ttl_;
    std::vector<Claimed> mended =
        co_await mend_.run(std::move(asked), std::move(watched), enough_for_one, patience);
    const Claimed& one = mended.front();
    if (!one.won) co_return false;
    const bool ours = one.entry.state == SlotState::borrowed && one.entry.host == host_;
    if (!ours) co_return true;  // completed: it is its owner's
    // R8: begun when every write of the claim before is over.
    const bool over = co_await mend_.all_answered(world_.clock.now() + ttl_);
    if (!over) co_return false;
    co_await world_.clock.sleep_until(mend_.drained_at());
    std::vector<Asked> back(1);
    back[0].slot = slot;
    back[0].wish = Wish::release;
    back[0].before = one.entry.stamp;
    std::vector<Claimed> released = co_await release_.run(
        std::move(back), Watched(), world_.clock.now() + ttl_, patience);
    co_return released.front().won;
}

}  // namespace diskpaxos
