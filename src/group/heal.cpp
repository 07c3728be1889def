#include "group/heal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.hpp"
#include "group/slot_count.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_both{.read = true, .write = true};
constexpr Duration give_back_time =
    std::chrono::seconds(5);  // for slow disks, when healing is over
}  // namespace

Healer::Healer(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks,
               Host host, HealWish wish)
    : world_(world),
      roster_(roster),
      rule_(rule),
      locks_(locks),
      host_(std::move(host)),
      wish_(std::move(wish)),
      table_(world, roster, rule),
      rows_(world, roster),
      locked_(roster.common.geometry.slots),
      entitled_(roster.common.geometry.slots),
      barred_(roster.common.geometry.slots),
      healed_(roster.common.geometry.slots),
      doubtful_(roster.common.geometry.slots),
      scope_(world.queue),
      asking_(world.queue) {}

Task<Result<HealReport>> Healer::run(Instant deadline) {
    const Duration patience = deadline - world_.clock.now();  // of each pass
    const bool read = co_await table_.read(deadline);
    if (!read) {
        co_return std::unexpected(Error{Code::no_quorum,
                                        "the slot table cannot be read on a "
                                        "majority of the disks; nothing was healed"});
    }
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    watched_ = Watched(table_.copies(), table_.complete(), ttl);
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        barred_[slot] = cut_short(table_.view(slot));
    }
    tell_elsewhere();
    const Result<void> first = co_await pass(false, deadline);
    if (!first) co_return std::unexpected(first.error());
    // Not the last of all: rows count again from here on, and damaged entries of the slot table are
    // nobody's licence.
    if (!report_.unfinished) co_await heal_superblocks();
    if (wish_.watch && report_.barred > 0 && !report_.unfinished) {
        const Duration length = watched_.due() - world_.clock.now();
        if (wish_.watching) wish_.watching(length, report_.barred);
        co_await world_.clock.sleep_until(watched_.due());
        drained_ = true;
        const Result<void> second = co_await pass(true, world_.clock.now() + patience);
        if (!second) report_.left.push_back(second.error().sentence);
    }
    tell_left();
    co_return std::move(report_);
}

namespace {

std::string slots(std::uint64_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count == 1 ? "1 slot" : fmt::format("{} slots", count),
                       count == 1 ? one : many);
}

}  // namespace

// What the last pass has left alone.
void Healer::tell_left() {
    if (in_use_ > 0) {
        report_.left.push_back(
            slots(in_use_, "is", "are") +
            " in use by processes of this host, which heal what is theirs as they go");
    }
    // The kernel lets go of a dead process's files one by one, after its last writes (the OFD
    // rule).
    if (partly_ > 0) {
        report_.left.push_back(
            slots(partly_, "is", "are") + " still in use on some of the disks; run it again");
    }
    report_.not_now += in_use_ + partly_;
    if (report_.barred > 0) {
        report_.left.push_back(
            slots(report_.barred, "is", "are") +
            " in the slot table damaged, or behind claims that somebody may have given up");
    }
}

Task<Result<HealReport>> Healer::run_without_slots() {
    co_await heal_superblocks();
    co_return std::move(report_);
}

// One process of a host claims or heals slots at a time.
Task<Result<void>> Healer::pass(bool settling, Instant deadline) {
    const Result<void> ours = co_await all_still_ours();
    if (!ours) co_return std::unexpected(ours.error());
    DiskSet claiming = lock(claim_lock);
    // After half a minute of watching we wait for a keeper that has just come first.
    const Instant patience = world_.clock.now() + std::chrono::milliseconds(roster_.common.ttl_ms);
    while (settling && claiming.empty() && world_.clock.now() < patience) {
        co_await world_.clock.sleep(std::chrono::milliseconds(20));
        claiming = lock(claim_lock);
    }
    if (claiming.empty()) {
        co_return std::unexpected(Error{Code::in_use,
                                        "another process of this host is claiming or "
                                        "healing slots; run it again"});
    }
    if (settling) {
        co_await table_.read(deadline);
        watched_.read_again(table_.copies());
    }
    ask(settling);
    if (mutated(Mutant::copy_held)) co_await copy_held();
    co_await claim(settling, deadline);
    co_await borrow_ours(deadline);
    // Doors need no slot, so the first pass looks at every row.
    if (!settling || std::ranges::count(entitled_, true) > 0) co_await heal_cells();
    return_ours();
    co_await give_back(std::max(deadline, world_.clock.now() + give_back_time));
    if (report_.unfinished) co_return Result<void>();
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        if (entitled_[slot]) healed_[slot] = true;
        entitled_[slot] = false;
        unlock(slot, locked_[slot]);
        locked_[slot] = DiskSet();
    }
    unlock(claim_lock, claiming);
    if (!asked_.empty()) co_await table_.read(world_.clock.now() + give_back_time);
    report_.barred = 0;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        if (needs_settling(slot)) ++report_.barred;
        const bool still = cut_short(table_.view(slot));
        if (barred_[slot] && !still) ++report_.settled;
        barred_[slot] = still;
    }
    co_return Result<void>();
}

void Healer::tell_elsewhere() {
    const std::vector<SlotView> views = table_.views();
    std::vector<SlotView> theirs = views;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView& view = theirs[slot];
        const bool foreign = view.known && view.owner.held() && view.owner.host != host_.id;
        if (!foreign || !wanted(slot)) theirs[slot] = SlotView();
    }
    const SlotCount all = count_slots(views);
    for (const auto& [id, host] : count_slots(theirs).hosts) {
        const std::uint64_t count = host.owned + host.lent;
        report_.left.push_back(fmt::format(
            "{} to host {}: what is damaged of that is healed by \"diskpaxos check --repair\" there",
            slots(count, "belongs", "belong"), all.call(id)));
    }
}

// ---- claims ----

// Damage or stamps in its table blocks keep somebody out, or are in the way of the next fault.
bool Healer::needs_settling(std::uint32_t slot) const {
    const SlotView view = table_.view(slot);
    if (view.disputed) return false;
    return damaged(table_.copies(), slot) || cut_short(view);
}

bool Healer::cut_short(const SlotView& view) const {
    return view.barred || ours(view.owner, SlotState::borrowed);
}

void Healer::ask(bool settling) {
    asked_.clear();
    borrowed_.clear();
    in_use_ = partly_ = 0;
    report_.not_now = 0;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        ask_for(slot, table_.view(slot), settling);
    }
}

// Free slots are ours while we hold them as borrowed; those that a dead healer of this host held are
// borrowed again (R9). What one of an earlier boot had under way may still land, and must have been
// waited out.
void Healer::ask_for(std::uint32_t slot, const SlotView& view, bool settling) {
    Asked one;
    one.slot = slot;
    one.wish = Wish::mend;
    const bool left = view.known && ours(view.owner, SlotState::borrowed);
    const bool taken = view.owner.state == SlotState::taken;
    const bool foreign = view.owner.held() && view.owner.host != host_.id;
    bool any_mark = needs_settling(slot);
    for (const TableCopy& copy : table_.copies()) any_mark = any_mark || marked(copy, slot);
    const bool settle = settling && any_mark && !view.disputed;
    if (taken && !foreign && settle) {
        one.wish = Wish::keep;
        asked_.push_back(one);
        return;
    }
    if (foreign && settle) asked_.push_back(one);  // completed, or void
    if (foreign || taken) return;
    const bool drained = !left || view.owner.boot == host_.boot || drained_;
    const bool heal = wanted(slot) && !healed_[slot] && view.claimable;
    if (!drained || !(settle || heal || left)) return;
    if (left && mutated(Mutant::resume_from_table)) {
        entitled_[slot] = lock_for_healing(slot);
        one.before = view.owner.stamp;
        if (entitled_[slot]) borrowed_.push_back(one);
        return;
    }
    if (lock_for_healing(slot)) asked_.push_back(one);
}

Task<void> Healer::claim(bool settling, Instant deadline) {
    if (asked_.empty()) co_return;
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    Watched none;
    claim_.emplace(world_, roster_, rule_, host_);
    const std::vector<Claimed> claimed = co_await claim_->run(
        asked_, settling ? watched_ : none, deadline, ClaimTiming::of(ttl).wait);
    judge(claimed, settling);
    // One more reading: what we may borrow of our own, and what is left, is judged by it.
    co_await table_.read(deadline);
}

// What R10 forbids: entries that a majority may have are copied to damaged blocks, outside a claim.
Task<void> Healer::copy_held() {
    const Geometry& geometry = roster_.common.geometry;
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
        const SlotEntry top = table_.view(slot).owner;
        for (std::size_t disk = 0; disk < roster_.disks() && top.held(); ++disk) {
            const TableCopy& copy = table_.copies()[disk];
            if (!copy.read || copy.owners[slot]) continue;
            for (const BlockKind kind : {BlockKind::claim, BlockKind::owner}) {
                const std::uint64_t at = kind == BlockKind::claim ? geometry.claim_block(slot)
                                                                  : geometry.owner_block(slot);
                IoPtr io = roster_.members[disk]->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
                SlotEntry entry = top;
                if (kind == BlockKind::claim) entry.state = SlotState::free;
                encode_slot_entry(io->out.bytes(), slot_address(roster_.common, disk, kind, slot),
                                  entry);
                co_await write(disk, std::move(io), slot, slot);
            }
        }
    }
}

void Healer::judge(const std::vector<Claimed>& claimed, bool settling) {
    std::uint64_t missed = 0, disputed = 0;
    for (const Claimed& one : claimed) {
        report_.slot_entries += one.healed;
        if (one.ruling == Ruling::Kind::disputed) ++disputed;
        if (!one.won) {
            ++missed;
            continue;
        }
        if (one.wish != Wish::mend || !ours(one.entry, SlotState::borrowed)) continue;
        entitled_[one.slot] = !locked_[one.slot].empty();
        Asked back;
        back.slot = one.slot;
        back.wish = Wish::release;
        back.before = one.entry.stamp;
        borrowed_.push_back(back);
    }
    if (disputed > 0) {
        report_.left.push_back(fmt::format(
            "{} two owners of one turn: the clocks or disks of some host broke their bounds; leave "
            "that alone and tell its operator",
            slots(disputed, "has", "have")));
    }
    if (missed == 0) return;
    report_.not_now += missed;
    report_.left.push_back(
        roster_.present() < roster_.disks() && settling
            ? slots(missed, "waits", "wait") + " until every disk can be reached"
            : slots(missed, "could", "could") + " not be claimed for healing; run it again");
}

// R8: when every heal write and every write of the claim is over, and what failed cannot land any
// more (algorithms.md 7.4, 7.5). What cannot be given back now stays borrowed.
Task<void> Healer::give_back(Instant deadline) {
    co_await world_.clock.sleep_until(hold_until_);
    if (claim_) {
        const bool answered = co_await claim_->all_answered(deadline);
        if (answered) co_await world_.clock.sleep_until(claim_->drained_at());
        report_.unfinished = !answered;
    }
    if (!report_.unfinished && !borrowed_.empty()) {
        const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
        release_.emplace(world_, roster_, rule_, host_);
        const std::vector<Claimed> released =
            co_await release_->run(borrowed_, Watched(), world_.clock.now() + give_back_time,
                                   ClaimTiming::of(ttl).wait);
        const auto kept = std::ranges::count(released, false, &Claimed::won);
        if (kept > 0) {
            report_.left.push_back(fmt::format(
                "{} not be given back: what is borrowed stays so until it is run again",
                slots(static_cast<std::uint64_t>(kept), "could", "could")));
        }
        const bool answered = co_await release_->all_answered(world_.clock.now() + give_back_time);
        report_.unfinished = !answered;
    }
    if (!report_.unfinished) co_return;
    // Something of ours may still land. Only the end of this process lets go of the locks: the
    // kernel keeps them until its last write has (the OFD rule).
    report_.left.push_back(
        "some disk does not answer: slots that were borrowed for healing stay so until it is run "
        "again");
}

// ---- slots of this host ----

// R1: seen twice, the second time under their locks.
Task<void> Healer::borrow_ours(Instant deadline) {
    std::vector<std::uint32_t> locked;
    std::vector<DiskSet> before(roster_.common.geometry.slots);
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.held_by(host_.id) || !wanted(slot) || healed_[slot]) continue;
        before[slot] = lending(table_.copies(), slot, view.owner);
        if (lock_for_healing(slot)) locked.push_back(slot);
    }
    std::vector<SlotEntry> taken;
    for (const std::uint32_t slot : locked) taken.push_back(table_.view(slot).owner);
    if (!locked.empty()) co_await table_.read(deadline);
    for (std::size_t i = 0; i < locked.size(); ++i) {
        const std::uint32_t slot = locked[i];
        const DiskSet now = lending(table_.copies(), slot, taken[i]);
        entitled_[slot] = borrowable(before[slot], now, rule_);
        if (entitled_[slot]) continue;
        unlock(slot, locked_[slot]);
        locked_[slot] = DiskSet();
    }
}

// As soon as no write of ours can meet the next user.
void Healer::return_ours() {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const bool lent = std::ranges::count(borrowed_, slot, &Asked::slot) > 0;
        if (doubtful_[slot] || lent || !entitled_[slot]) continue;
        unlock(slot, locked_[slot]);
        locked_[slot] = DiskSet();
    }
}

bool Healer::lock_for_healing(std::uint32_t slot) {
    locked_[slot] = lock(slot);
    if (locked_[slot].empty())
        ++in_use_;
    else if (locked_[slot].size() < roster_.present())
        ++partly_;
    return !locked_[slot].empty();
}

// The disks on which the lock could be had: a majority, or none.
DiskSet Healer::lock(std::uint32_t slot) {
    DiskSet locked = lock_everywhere(roster_, locks_, slot);
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const bool there = roster_.members[disk] != nullptr;
        if (there && mutated(Mutant::heal_live_slot)) locked.insert(disk);
    }
    if (rule_.suffices(for_both, locked)) {
        if (mutated(Mutant::heal_without_borrow)) unlock(slot, locked);  // it was free just now
        return locked;
    }
    unlock(slot, locked);
    return DiskSet();
}

void Healer::unlock(std::uint32_t slot, DiskSet disks) {
    diskpaxos::unlock(roster_, locks_, slot, disks);
}

}  // namespace diskpaxos
