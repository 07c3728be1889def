#include "group/keeper.hpp"

#include <algorithm>

namespace diskpaxos {

namespace {

constexpr Purposes for_both{.read = true, .write = true};
constexpr int looks_of_an_owner = 2;  // in TTLs, between two looks
constexpr int looks_of_others = 8;
// At the end nobody waits for a disk that hangs.
constexpr Duration patience_at_end = std::chrono::milliseconds(5);
constexpr Duration longest_at_end = std::chrono::seconds(1);

}  // namespace

SlotKeeper::SlotKeeper(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks,
                       Host host, Duration uptime, std::uint32_t seat)
    : world_(world),
      roster_(roster),
      rule_(rule),
      locks_(locks),
      host_(std::move(host)),
      ttl_(std::chrono::milliseconds(roster.common.ttl_ms)),
      booted_(world.clock.now() - uptime),
      seat_(seat),
      table_(world, roster, rule),
      late_(world.queue) {}

// ---- while the process lives ----

Task<void> SlotKeeper::keep(Event& end) {
    for (;;) {
        // Hosts that look in step would all give back for the sake of one that finds none.
        const bool seldom = owned_ == 1 && !damage_;
        const Duration least = ttl_ * (seldom ? looks_of_others : looks_of_an_owner);
        const auto chance = static_cast<std::uint64_t>((least / 4).count());
        const Duration pause =
            least + Duration(static_cast<Duration::rep>(world_.random.below(chance)));
        const bool over = co_await end.wait_until(world_.clock, world_.clock.now() + pause);
        if (over) co_return;
        const bool read = co_await table_.read(world_.clock.now() + ttl_);
        if (!read || world_.clock.now() < claim_again_) continue;
        const Found found = look();
        co_await mend_entries();
        if (world_.clock.now() < claim_again_) continue;
        if (!others_find_none()) {
            before_.clear();
            watched_.reset();
            continue;
        }
        std::vector<std::uint32_t> twice;
        for (const std::uint32_t slot : found.idle) {
            if (std::ranges::count(before_, slot) > 0) twice.push_back(slot);
        }
        before_ = found.idle;
        if (!twice.empty()) co_await give_back(std::move(twice));
        co_await settle(found.stuck);
    }
}

// What the last reading of the table shows, and the locks.
SlotKeeper::Found SlotKeeper::look() {
    Found found;
    owned_ = 0;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.held_by(host_.id)) continue;
        ++owned_;
        if (seat_ && *seat_ == slot) continue;
        if (!idle(slot))
            ++found.in_use;
        else if (drained(view.owner))
            (open_to_claims(slot) ? found.idle : found.stuck).push_back(slot);
    }
    return found;
}

// The kernel knows; nothing is read or written.
bool SlotKeeper::idle(std::uint32_t slot) const {
    const DiskSet locked = lock_everywhere(roster_, locks_, slot);
    unlock(roster_, locks_, slot, locked);
    return rule_.suffices(for_both, locked);
}

// As a claim finds it (R2).
bool SlotKeeper::open_to_claims(std::uint32_t slot) const {
    DiskSet open;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const TableCopy& copy = table_.copies()[disk];
        if (copy.read && !marked(copy, slot)) open.insert(disk);
    }
    return rule_.suffices(for_both, open);
}

// What an earlier boot had under way in this slot must have landed before another host gets it, as
// before a process of ours does.
bool SlotKeeper::drained(const SlotEntry& owner) const {
    return owner.boot == host_.boot || world_.clock.now() - booted_ >= drain_time(ttl_);
}

bool SlotKeeper::others_find_none() const {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        if (table_.view(slot).claimable) return false;
    }
    return true;
}

Task<void> SlotKeeper::give_back(std::vector<std::uint32_t> slots) {
    auto back = std::make_shared<GiveBack>(world_, roster_, rule_, locks_, host_);
    const std::vector<std::uint32_t> given =
        co_await back->run(std::move(slots), world_.clock.now() + ttl_);
    owned_ -= static_cast<std::uint32_t>(given.size());
    claim_again_ = back->drained_at();
    before_.clear();
    if (back->holds()) late_.spawn(let_go(std::move(back)));
}

// A disk that is slow once must not keep the slots from this host, nor the host from claiming.
Task<void> SlotKeeper::let_go(std::shared_ptr<GiveBack> back) {
    co_await back->let_go_later();
    claim_again_ = std::max(claim_again_, back->drained_at());
}

// A claim of ours that came to no end has left its stamps at a slot of ours (R7): it is of no use
// to anybody before a mender has settled it. Then it can be given back.
Task<void> SlotKeeper::settle(std::vector<std::uint32_t> stuck) {
    if (stuck.empty()) watched_.reset();
    if (stuck.empty() || world_.clock.now() < claim_again_) co_return;
    if (!watched_) watched_.emplace(table_.copies(), table_.complete(), ttl_);
    if (world_.clock.now() < watched_->due()) co_return;
    const bool read = co_await table_.read(world_.clock.now() + ttl_);
    if (!read) co_return;
    watched_->read_again(table_.copies());
    const Watched watched = *std::exchange(watched_, std::nullopt);
    const std::uint32_t slot = stuck[world_.random.below(stuck.size())];
    const DiskSet claiming = lock_everywhere(roster_, locks_, claim_lock);
    const DiskSet locked = lock_everywhere(roster_, locks_, slot);
    if (rule_.suffices(for_both, claiming) && rule_.suffices(for_both, locked)) {
        Settling settling(world_, roster_, rule_, host_);
        (void)co_await settling.run(slot, watched);
        claim_again_ = settling.drained_at();
    }
    unlock(roster_, locks_, slot, locked);
    unlock(roster_, locks_, claim_lock, claiming);
}

// Damage is watched like a stamp: the claim of somebody may hide behind it (R3).
Task<void> SlotKeeper::mend_entries() {
    if (worn().empty()) {
        damage_.reset();
        co_return;
    }
    if (!damage_) damage_.emplace(table_.copies(), table_.complete(), ttl_);
    if (world_.clock.now() < damage_->due()) co_return;
    const bool read = co_await table_.read(world_.clock.now() + ttl_);
    if (!read) co_return;
    damage_->read_again(table_.copies());
    Watched watched = *std::exchange(damage_, std::nullopt);
    const DiskSet claiming = lock_everywhere(roster_, locks_, claim_lock);
    std::vector<Asked> asked = worn();
    if (rule_.suffices(for_both, claiming) && !asked.empty()) {
        Claim claim(world_, roster_, rule_, host_);
        (void)co_await claim.run(std::move(asked), std::move(watched), world_.clock.now() + ttl_,
                                 ClaimTiming::of(ttl_).wait);
        claim_again_ = claim.drained_at();
    }
    unlock(roster_, locks_, claim_lock, claiming);
}

// Slots of our host of which a disk shows an entry that cannot be read.
std::vector<Asked> SlotKeeper::worn() const {
    std::vector<Asked> asked;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        const bool ours = view.held_by(host_.id) && !view.disputed;
        if (!ours || !damaged(table_.copies(), slot)) continue;
        asked.push_back(Asked{.slot = slot, .wish = Wish::keep});
    }
    return asked;
}

// ---- at its end ----

Task<bool> SlotKeeper::owns_more() {
    const bool read = co_await table_.read(world_.clock.now() + longest_at_end, patience_at_end);
    if (!read) co_return false;
    std::uint32_t others = 0;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        if (slot != seat_ && table_.view(slot).held_by(host_.id)) ++others;
    }
    co_return others > 0;
}

// Processes that end at the same moment must not each take the others for one that lives: they have
// given up their seats by now, and one looks at a time.
Task<std::vector<std::uint32_t>> SlotKeeper::give_back_rest() {
    seat_.reset();
    std::vector<std::uint32_t> given;
    if (world_.clock.now() < claim_again_) co_return given;
    const DiskSet claiming = lock_everywhere(roster_, locks_, claim_lock);
    if (!rule_.suffices(for_both, claiming)) {
        unlock(roster_, locks_, claim_lock, claiming);
        co_return given;
    }
    Found found = look();
    const bool last = found.in_use == 0;
    // The lowest one stays: the less everybody has to read, the better.
    if (last && !found.idle.empty()) found.idle.erase(found.idle.begin());
    if ((!last && !others_find_none()) || found.idle.empty()) {
        unlock(roster_, locks_, claim_lock, claiming);
        co_return given;
    }
    unlock(roster_, locks_, claim_lock, claiming);  // GiveBack takes it, and gives it up
    GiveBack back(world_, roster_, rule_, locks_, host_);
    given = co_await back.run(std::move(found.idle), world_.clock.now() + ttl_);
    co_return given;
}

}  // namespace diskpaxos
