// What a colony is judged by at every instant: who sits where, whose writes land, which names
// stand.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "group/slot_table.hpp"
#include "sim/colony.hpp"

namespace diskpaxos::sim {

std::vector<const Resident*> Colony::seats() const {
    std::vector<const Resident*> seated;
    for (const Home& home : homes_) {
        for (const auto& user : home.users) {
            if (user && user->seated()) seated.push_back(user.get());
        }
        if (home.mender && home.mender->seated()) seated.push_back(home.mender.get());
    }
    return seated;
}

void Colony::seated(const Resident& user) {
    mark_down(ColonyMark::seated);
    const Seat& seat = *user.seat();
    const std::string where =
        seat.announced() ? fmt::format("slot {}, ring index {}, open {:b}", seat.slot, seat.ring_index,
                                       seat.open.bits())
                         : "no slot";
    say(fmt::format("user {:x} of {} has {}", seat.me.value & 0xffffU, user.host().name, where));
    for (const Resident* other : seats()) {
        if (other->host().id != user.host().id) mark_down(ColonyMark::two_hosts_seated);
    }
    if (seat.announced()) slots_->seated(&user, seat.slot, user.host().id, seat.ring_index);
}

void Colony::unseated(const Resident& user) {
    invariants_.died(user.seat()->me);
    slots_->left(&user);
    say(fmt::format("user {:x} leaves its seat", user.seat()->me.value & 0xffffU));
}

void Colony::stepped(const Resident& user, const Step& step) {
    world_.digest(static_cast<std::uint64_t>(step.kind) << 32 | step.rank.round);
    invariants_.stepped(platters_, user.place(), step);
    if (step.kind == Step::Kind::intruder) wrong("an intruder was met");
    if (step.kind == Step::Kind::write_done) committed(step.cell, step.other);
    if (!verbose_) return;
    say(fmt::format("  {:x} {} cell {} disk {} {} / {}", user.seat()->me.value & 0xffffU,
                    static_cast<int>(step.kind), step.cell, step.disk, describe(step.rank),
                    describe(step.other)));
}

// In the order of ranks, not of the reports: one who was paused may tell of its commit when later ones
// have told of theirs. From the rank that named the cell on, all have the name.
void Colony::committed(std::uint32_t cell, Rank rank) {
    const Bytes* record = invariants_.value(cell, rank);
    if (record == nullptr) return;
    const std::string name(format_.view(*record).name);
    const auto known = cell_of_name_.find(name);
    if (!name.empty() && known == cell_of_name_.end()) cell_of_name_.emplace(name, cell);
    if (known != cell_of_name_.end() && known->second != cell) {
        wrong(fmt::format("{} is in cells {} and {}", name, known->second, cell));
    }
    auto& names = names_of_cell_[cell];
    const auto here = names.emplace(rank, name).first;
    const auto changed = [](const std::string& before, const std::string& after) {
        return !before.empty() && before != after;
    };
    const bool lost =
        (here != names.begin() && changed(std::prev(here)->second, here->second)) ||
        (std::next(here) != names.end() && changed(here->second, std::next(here)->second));
    if (lost) wrong(fmt::format("cell {} changed hands, to \"{}\"", cell, name));
}

void Colony::landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) {
    if (path.orphaned()) mark_down(ColonyMark::late_write);
    invariants_.landed(platter, block, how == Landing::faulty);
    slots_->landed(path, platter, block);
    const Extent table = setup_.geometry.slot_table();
    if (block >= table.first && block < table.first + table.count) {
        if (how == Landing::late) mark_down(ColonyMark::ghost);
        table_changed(platter, block);
    }
    if (!platter.is_cell_block(block) || platter.is_door(block)) return;
    const Place place = platter.place_of(block);
    if (verbose_) {
        const Block found = platter.decode(block).block;
        say(fmt::format("    cell {} place {} on disk {}: promised {} accepted {}",
                        platter.cell_of(block), place, platter.number(), describe(found.promised),
                        describe(found.accepted)));
    }
    if (!platter.geometry().active) judge_slot_of_a_user(path, platter, place);
}

void Colony::judge_slot_of_a_user(const SimPath& path, const Platter& platter, Place place) {
    for (const Resident* user : seats()) {
        const bool theirs = user->seat()->slot == place / setup_.geometry.ring &&
                            user->seat()->open.contains(platter.number());
        if (!theirs || user->paths()[platter.number()] == &path) continue;
        wrong(fmt::format("a write of {} lands in slot {} on disk {}, which a live user has",
                          path.orphaned() ? "the dead" : "another process", user->seat()->slot,
                          platter.number()));
    }
}

void Colony::executed(const SimPath&, std::uint32_t cell, const Block& block) {
    invariants_.pushed(cell, block);
}

// Who lies in wait for a claim wipes a table in the middle of it.
void Colony::table_changed(const Platter& platter, std::uint64_t block) {
    const auto slot = static_cast<std::uint32_t>((block - setup_.geometry.slot_table().first) / 2);
    const bool claim = block == setup_.geometry.claim_block(slot);
    const BlockKind kind = claim ? BlockKind::claim : BlockKind::owner;
    const auto entry = decode_slot_entry(platter.block(block),
                                         slot_address(superblock_, platter.number(), kind, slot));
    say(fmt::format("    {} of slot {} on disk {}: {}", claim ? "claim" : "owner", slot,
                    platter.number(), entry ? describe(*entry) : "damaged"));
    if (!claim || !entry || !entry->held() || !std::exchange(ambush_, false)) return;
    const Duration life = ClaimTiming::of(milliseconds(setup_.ttl_ms)).life();
    world_.at(world_.now() + world_.between(Duration(0), life), [this] {
        if (faults_.on) wipe(true);
    });
}

void Colony::overlapped(const SimPath& path, std::uint64_t block) {
    if (path.platter().is_cell_block(block)) invariants_.overlapped(path.platter(), block);
}

void Colony::say(const std::string& what) const {
    if (!verbose_) return;
    fmt::print(stderr, "{:>12} {}\n", world_.now().time_since_epoch().count(), what);
}

}  // namespace diskpaxos::sim
