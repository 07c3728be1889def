#include "group/seat.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

constexpr Purposes for_both{.read = true, .write = true};
constexpr Duration longest_moment = std::chrono::milliseconds(250);
constexpr Duration letting_go = std::chrono::milliseconds(100);  // of a process that has just ended
constexpr Duration settling_pause = std::chrono::seconds(1);  // between two looks while one waits
constexpr std::uint32_t most_rivals = 32;  // that we give way to
constexpr Duration longest_pause = std::chrono::milliseconds(250);
// Where nothing can change, a moment is waited all the same: somebody may be giving a slot back.
constexpr Duration hopeless_wait = std::chrono::seconds(1);

// How many claims seem to be under way: free slots that nobody can claim at this moment.
std::uint32_t rivals(const TableReader& table, std::uint32_t slots) {
    std::uint32_t count = 0;
    bool any_claimable = false;
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
        const SlotView view = table.view(slot);
        if (view.known && !view.owner.held() && !view.claimable) ++count;
        any_claimable = any_claimable || view.claimable;
    }
    return any_claimable ? count : 0;
}

bool of_another(const SlotView& slot, const SeatWish& wish) {
    return slot.known && slot.owner.held() && slot.owner.host != wish.host.id;
}

}  // namespace

std::uint32_t share_of(std::uint32_t owned, std::uint32_t free) {
    return std::max(1U, std::min(owned, free / 2));
}

DiskSet lock_everywhere(const Roster& roster, SlotLocks& locks, std::uint32_t slot) {
    DiskSet locked;
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        Disk* device = roster.members[disk];
        if (device != nullptr && locks.try_lock(*device, slot)) locked.insert(disk);
    }
    return locked;
}

void unlock(const Roster& roster, SlotLocks& locks, std::uint32_t slot, DiskSet disks) {
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        if (disks.contains(disk)) locks.unlock(*roster.members[disk], slot);
    }
}

Seat unannounced_seat(Random& random, std::size_t disks) {
    Seat seat;
    seat.slot = no_slot;
    seat.open = DiskSet::first(disks);
    do seat.me = Proposer(random.bits(64));
    while (seat.me == Proposer());
    return seat;
}

Task<Result<Seat>> SeatFinder::find(SeatWish wish, Instant deadline) {
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    const Duration drain = drain_time(ttl);
    if (wish.slot && *wish.slot >= roster_.common.geometry.slots) {
        co_return std::unexpected(Error{
            Code::usage, fmt::format("there is no slot {}; this group has slots 0 to {}", *wish.slot,
                                     roster_.common.geometry.slots - 1)});
    }
    const Instant a_moment =
        world_.clock.now() + std::min(longest_moment, ClaimTiming::of(ttl).wait / 2);
    const Instant whole_until = world_.clock.now() + letting_go;
    bool gave_way = false;
    for (bool before = false;; before = true) {
        // What was begun before the deadline, or is settled, is brought to its end.
        const Instant patience = std::max(deadline, world_.clock.now() + ClaimTiming::of(ttl).life());
        const bool read = co_await table_.read(patience);
        if (!read) {
            co_return std::unexpected(
                before ? no_seat(wish)
                       : Error{Code::no_quorum,
                               "the slot table cannot be read on a majority of the disks"});
        }
        if (wish.slot && of_another(table_.view(*wish.slot), wish)) {
            co_return std::unexpected(no_seat(wish));
        }
        // Of a process that has just ended the kernel lets go disk by disk. A seat without some disk is
        // no match for damage on another one.
        const bool whole = world_.clock.now() < std::min(whole_until, a_moment);
        std::optional<Seat> seat = co_await borrow(wish, whole, patience);
        if (seat) {
            const bool older = table_.view(seat->slot).owner.boot != wish.host.boot;
            if (older) co_await world_.clock.sleep(drain - wish.uptime);  // its writes
            co_return *seat;
        }
        // Commands that run side by side hold a slot for milliseconds each: waiting for one of ours costs
        // less than claiming another, and giving it back.
        if (world_.clock.now() < a_moment && !candidates(wish).empty()) {
            co_await world_.clock.sleep(std::chrono::milliseconds(2 + world_.random.below(8)));
            continue;
        }
        bool waited = false;
        if (!gave_way) waited = co_await give_way(deadline);
        gave_way = waited;
        if (waited) continue;
        const bool more = co_await claim_more(wish, patience);
        if (more) continue;
        const bool settled = co_await settle(wish);
        if (settled) continue;
        const Instant now = world_.clock.now();
        if (now >= end_of_hope(wish, deadline) && !settling_) {
            co_return std::unexpected(no_seat(wish));
        }
        co_await world_.clock.sleep(now < deadline ? pause() : settling_pause);
    }
}

// Where many come at once, their stamps would be late on the disks that they all write, and late stamps
// bar slots for long (R3). The more are at it, the later we begin. False: we are alone.
Task<bool> SeatFinder::give_way(Instant deadline) {
    const std::uint32_t crowd = rivals(table_, roster_.common.geometry.slots);
    if (crowd == 0) co_return false;
    const Duration wait = ClaimTiming::of(std::chrono::milliseconds(roster_.common.ttl_ms)).wait;
    const Duration most =
        std::min(wait * std::min(crowd, most_rivals), (deadline - world_.clock.now()) / 2);
    const auto chance = static_cast<std::uint64_t>(std::max<Duration::rep>(most.count(), 1));
    co_await world_.clock.sleep(Duration(static_cast<Duration::rep>(world_.random.below(chance))));
    co_return true;
}

// Where every slot belongs to another host, and no host has two, nothing will be free before a person
// does something about it: there is no use in waiting for the deadline.
Instant SeatFinder::end_of_hope(const SeatWish& wish, Instant deadline) {
    std::vector<Uuid> owners;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        const bool settled = of_another(view, wish) && view.certain;
        if (!settled || std::ranges::count(owners, view.owner.host) > 0) {
            hopeless_since_.reset();
            return deadline;
        }
        owners.push_back(view.owner.host);
    }
    if (!hopeless_since_) hopeless_since_ = world_.clock.now();
    return std::min(deadline, *hopeless_since_ + hopeless_wait);
}

// All our slots are in use: by processes that run, or by writes of the dead. The longer that lasts,
// the less often we look: each look reads the table of every disk. Who lost a race for a slot tries
// again at a time of its own, so that those who met once do not meet again.
Duration SeatFinder::pause() {
    const auto chance = [this](Duration most) {
        return Duration(static_cast<Duration::rep>(
            world_.random.below(static_cast<std::uint64_t>(most.count()))));
    };
    if (lost_race_) {
        lost_race_ = false;
        const Duration wait =
            ClaimTiming::of(std::chrono::milliseconds(roster_.common.ttl_ms)).wait;
        return chance(wait * (1U << std::min(races_, 3U)) / 2);
    }
    pause_ = std::min(longest_pause, pause_ * 5 / 4);
    return pause_ / 2 + chance(pause_);
}

// ---- borrowing ----

// The double collect of R1: both times the same disks, a majority, show the same entry of ours, and
// no stamp of anybody else; the second time when the slot's locks are ours.
Task<std::optional<Seat>> SeatFinder::borrow(SeatWish wish, bool whole, Instant deadline) {
    for (const std::uint32_t slot : candidates(wish)) {
        const SlotEntry taken = table_.view(slot).owner;
        const DiskSet first = lending(table_.copies(), slot, taken);
        TableReader again(world_, roster_, rule_);
        if (mutated(Mutant::collect_before_locks)) co_await again.read(deadline);
        std::optional<Seat> seat = lock(slot, whole);
        if (!seat) continue;
        if (mutated(Mutant::given_back_and_borrowed)) co_return seat;
        if (!mutated(Mutant::collect_before_locks)) co_await again.read(deadline);
        const DiskSet second = lending(again.copies(), slot, taken);
        if (borrowable(first, second, rule_) || mutated(Mutant::owner_by_top)) co_return seat;
        unlock(roster_, locks_, slot, seat->open);
    }
    co_return std::nullopt;
}

// Ours that may be lent, as the first collect shows them. The lower the tier, the less everybody
// has to read; of a tier any will do, so that processes that come and go spread over all of it.
std::vector<std::uint32_t> SeatFinder::candidates(const SeatWish& wish) {
    const Geometry& geometry = roster_.common.geometry;
    std::vector<std::uint32_t> slots;
    for (std::uint32_t tier = 0; tier <= geometry.doors(); ++tier) {
        std::vector<std::uint32_t> here;
        for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
            const bool wanted =
                (!wish.slot || *wish.slot == slot) && geometry.tier_of(slot) == tier;
            if (!wanted || !table_.view(slot).held_by(wish.host.id)) continue;
            const SlotEntry taken = table_.view(slot).owner;
            const DiskSet showing = lending(table_.copies(), slot, taken);
            const bool lent = rule_.suffices(for_both, showing) || mutated(Mutant::owner_by_top);
            if (lent) here.push_back(slot);
        }
        if (here.empty()) continue;
        const auto start = static_cast<std::ptrdiff_t>(world_.random.below(here.size()));
        std::ranges::rotate(here, here.begin() + start);
        slots.insert(slots.end(), here.begin(), here.end());
    }
    return slots;
}

std::optional<Seat> SeatFinder::lock(std::uint32_t slot, bool whole) {
    Seat seat;
    seat.slot = slot;
    seat.open = lock_everywhere(roster_, locks_, slot);
    // By what a passive disk says, which knows better than any file of this host.
    bool lent = whole && seat.open.size() < roster_.present();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const Disk* device = roster_.members[disk];
        const bool refused = device != nullptr && !seat.open.contains(disk);
        lent = lent || (refused && !device->active() && !roster_.active().empty());
    }
    if (!lent &&
        rule_.suffices(Purposes{.read = true, .write = true, .recover = true}, seat.open)) {
        seat.ring_index = table_.view(slot).owner.ring_index(roster_.common.geometry.ring);
        seat.me = Proposer::of(static_cast<std::uint16_t>(slot), world_.random.bits(48));
        return seat;
    }
    unlock(roster_, locks_, slot, seat.open);
    return std::nullopt;
}

// ---- claiming ----

// True if the table may look different now.
Task<bool> SeatFinder::claim_more(SeatWish wish, Instant deadline) {
    if (world_.clock.now() < claim_again_) co_return false;
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const bool may = !wish.slot || *wish.slot == slot;
        if (may && table_.view(slot).claimable) wanted.push_back(slot);
    }
    if (wanted.empty()) co_return false;
    wanted = some_of(std::move(wanted), wish);
    // One process of a host claims at a time.
    const DiskSet locked = lock_everywhere(roster_, locks_, claim_lock);
    bool changed = false;
    if (rule_.suffices(for_both, locked)) {
        std::vector<Asked> asked;
        for (const std::uint32_t slot : wanted) asked.push_back(Asked{.slot = slot});
        Claim claim(world_, roster_, rule_, wish.host);
        const std::vector<Claimed> claimed =
            co_await claim.run(std::move(asked), Watched(), deadline);
        changed = std::ranges::any_of(claimed, &Claimed::won);
        lost_race_ = !changed;
        if (lost_race_) ++races_;
        claim_again_ = claim.drained_at();  // R11
    }
    unlock(roster_, locks_, claim_lock, locked);
    co_return changed;
}

// The lowest tiers first, since everybody reads them; of a tier random ones, so that hosts that come
// at once are rarely after the same. Who has lost a race takes any: where many hosts come at once, the
// few that are left of the lowest tier would be fought over while the others lie there.
std::vector<std::uint32_t> SeatFinder::some_of(std::vector<std::uint32_t> claimable,
                                               const SeatWish& wish) {
    const Geometry& geometry = roster_.common.geometry;
    std::uint32_t owned = 0;
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
        if (table_.view(slot).held_by(wish.host.id)) ++owned;
    }
    const std::uint32_t count = share_of(owned, static_cast<std::uint32_t>(claimable.size()));
    for (std::size_t i = claimable.size(); i > 1; --i) {
        std::swap(claimable[i - 1], claimable[world_.random.below(i)]);
    }
    if (races_ == 0) {
        std::ranges::stable_sort(claimable, {},
                                 [&](std::uint32_t slot) { return geometry.tier_of(slot); });
    }
    if (claimable.size() > count) claimable.resize(count);
    return claimable;
}

// ---- settling (R13) ----

// Those that would be ours to use if they were settled: free ones, our own, and void ones.
std::vector<std::uint32_t> SeatFinder::barred(const SeatWish& wish) const {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        const bool others = of_another(view, wish) && view.certain;
        if (wish.slot && *wish.slot != slot) continue;
        if (view.barred && !others) slots.push_back(slot);
    }
    return slots;
}

// Settlers begin after the wait of R3 plus a random part of it: in step they would cover each other's
// stamps for ever. True if the table may look different now.
Task<bool> SeatFinder::settle(SeatWish wish) {
    const std::vector<std::uint32_t> slots = barred(wish);
    bool any_claimable = false;  // but another process of this host claims just now
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const bool may = !wish.slot || *wish.slot == slot;
        any_claimable = any_claimable || (may && table_.view(slot).claimable);
    }
    if (slots.empty() || lost_race_ || any_claimable) {
        settling_.reset();
        co_return false;
    }
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    if (!settling_) {
        if (settled_ == most_settled) co_return false;
        settling_.emplace(table_.copies(), table_.complete(), ttl);
        const Duration wait = settling_->due() - world_.clock.now();
        settle_at_ = settling_->due() + Duration(static_cast<Duration::rep>(
                         world_.random.below(static_cast<std::uint64_t>(wait.count()))));
        say_at_ = table_.complete() + ClaimTiming::of(ttl).life();
    }
    // Claims that are under way bar a slot for a moment, and nobody needs to know.
    if (say_at_ && world_.clock.now() >= *say_at_) {
        say_at_.reset();
        const Duration most = 2 * (settling_->due() - world_.clock.now());
        wish.say(fmt::format("every slot that this host could use is barred by a claim that somebody "
                             "gave up; waiting up to {} s to settle one",
                             std::chrono::ceil<std::chrono::seconds>(most).count()));
    }
    if (table_.begun() < settle_at_) co_return false;  // R3: not before it is due
    settling_->read_again(table_.copies());
    const Watched watched = *std::exchange(settling_, std::nullopt);
    ++settled_;
    const DiskSet locked = lock_everywhere(roster_, locks_, claim_lock);
    bool changed = false;
    if (rule_.suffices(for_both, locked)) {
        const std::uint32_t slot = slots[world_.random.below(slots.size())];
        const DiskSet ours = lock_everywhere(roster_, locks_, slot);
        if (rule_.suffices(for_both, ours)) {
            Settling settling(world_, roster_, rule_, wish.host);
            changed = co_await settling.run(slot, watched);
            claim_again_ = settling.drained_at();
        }
        unlock(roster_, locks_, slot, ours);
    }
    unlock(roster_, locks_, claim_lock, locked);
    co_return changed;
}

Error SeatFinder::no_seat(const SeatWish& wish) const {
    if (wish.slot) {
        const SlotView view = table_.view(*wish.slot);
        return {Code::no_slot, of_another(view, wish)
                                   ? fmt::format("slot {} belongs to host {}", *wish.slot,
                                                 view.owner.host_name)
                                   : fmt::format("slot {} is in use", *wish.slot)};
    }
    const std::uint32_t slots = roster_.common.geometry.slots;
    std::uint32_t ours = 0, others = 0;
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (of_another(view, wish)) ++others;
        else if (view.held_by(wish.host.id)) ++ours;
    }
    if (others == slots) {
        return {Code::no_slot, fmt::format("group {} is full of hosts: all its {} slots belong to "
                                           "others; \"diskpaxos hosts\" shows them",
                                           roster_.common.name, slots)};
    }
    if (ours == 0) {
        return {Code::no_slot,
                fmt::format("none of the {} slots of group {} could be claimed in time: {} belong to "
                            "other hosts, and others are after the rest; try again, or see \"diskpaxos "
                            "hosts\"",
                            slots, roster_.common.name, others)};
    }
    return {Code::no_slot,
            fmt::format("the {} slots of this host are in use, and none of the {} of group {} is free "
                        "to claim; end a process, or see \"diskpaxos hosts\"",
                        ours, slots, roster_.common.name)};
}

}  // namespace diskpaxos
