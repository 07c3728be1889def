#include "sim/slot_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "group/slot_table.hpp"

namespace diskpaxos::sim {

std::string describe(const SlotEntry& entry) {
    static constexpr std::array<const char*, 5> states{"freed", "taken", "borrowed", "?",
                                                       "being returned"};
    return fmt::format("turn {}, {} by {} ({:04x})", entry.turn,
                       states[std::min<std::size_t>(static_cast<std::size_t>(entry.state), 4)],
                       entry.host_name.empty() ? "nobody" : entry.host_name, entry.stamp & 0xffffU);
}

SlotJudge::SlotJudge(const Superblock& group, const Platters& platters, Wrong wrong)
    : group_(group),
      platters_(platters),
      geometry_(group.geometry),
      wrong_(std::move(wrong)),
      disks_(platters.size(), std::vector<OnDisk>(group.geometry.slots)),
      agreed_(group.geometry.slots),
      freed_(group.geometry.slots),
      stood_(group.geometry.slots),
      borrowed_(group.geometry.slots) {}

void SlotJudge::formatted() {
    for (std::uint32_t slot = 0; slot < geometry_.slots; ++slot) {
        const Entry entry = owner(0, slot);
        if (!entry) continue;
        agreed_[slot].emplace(entry->turn, *entry);
        stood_[slot].insert(entry->turn);
    }
}

SlotJudge::Entry SlotJudge::decode(std::size_t disk, BlockKind kind, std::uint32_t slot,
                                   ByteView block) const {
    return decode_slot_entry(block, slot_address(group_, disk, kind, slot));
}

SlotJudge::Entry SlotJudge::claim(std::size_t disk, std::uint32_t slot) const {
    return decode(disk, BlockKind::claim, slot,
                  platters_[disk]->block(geometry_.claim_block(slot)));
}

SlotJudge::Entry SlotJudge::owner(std::size_t disk, std::uint32_t slot) const {
    return decode(disk, BlockKind::owner, slot,
                  platters_[disk]->block(geometry_.owner_block(slot)));
}

std::size_t SlotJudge::showing(std::uint32_t slot, const SlotEntry& entry, bool wiped) const {
    std::size_t disks = 0;
    for (std::size_t disk = 0; disk < platters_.size(); ++disk) {
        const Entry here = owner(disk, slot);
        const bool had = wiped && !here && disks_[disk][slot].last == entry;
        if (had || (here && *here == entry)) ++disks;
    }
    return disks;
}

// ---- what lands ----

void SlotJudge::landed(const SimPath& path, const Platter& platter, std::uint64_t block) {
    if (agreed_.front().empty()) return;  // format is at it
    ++order_;
    const Extent table = geometry_.slot_table();
    if (block >= table.first && block < table.first + table.count) {
        const auto slot = static_cast<std::uint32_t>((block - table.first) / 2);
        if (block == geometry_.claim_block(slot)) claim_landed(path, platter.number(), slot);
        if (block == geometry_.owner_block(slot)) owner_landed(path, platter, slot);
    } else if (platter.is_cell_block(block) && !platter.is_door(block) && !platter.geometry().active) {
        row_landed(path, platter.number(), platter.place_of(block) / geometry_.ring);
    }
}

void SlotJudge::claim_landed(const SimPath& path, std::size_t disk, std::uint32_t slot) {
    const Entry entry = claim(disk, slot);
    if (!entry || !entry->held()) return;
    const Entry before = decode(disk, BlockKind::claim, slot,
                                platters_[disk]->previous(geometry_.claim_block(slot)));
    disks_[disk][slot].stamped[&path] = {order_, !before};
}

void SlotJudge::owner_landed(const SimPath& path, const Platter& platter, std::uint32_t slot) {
    const std::size_t disk = platter.number();
    const Entry entry = owner(disk, slot);
    if (!entry) return;  // damaged on its way
    const Entry before =
        decode(disk, BlockKind::owner, slot, platter.previous(geometry_.owner_block(slot)));
    if (before && before->turn > entry->turn) {
        wrong_(SlotFault::turn, fmt::format("the turn of slot {} falls on disk {}, from {} to {}",
                                            slot, disk, describe(*before), describe(*entry)));
    }
    // Who wrote it: what the entry says of its host is copied from the one before.
    const auto by = hosts_.find(&path);
    if (!entry->held() && by != hosts_.end()) freed_[slot].emplace(entry->turn, by->second);
    if (entry->state == SlotState::borrowed) borrowed_[slot].emplace(entry->turn, entry->host);
    judge_tenure(path, disk, slot, *entry);
    judge_users(slot, before, *entry, disk);
    disks_[disk][slot].last = *entry;
    judge_ties(slot, *entry);
    if (majority(showing(slot, *entry, false))) stood_[slot].insert(entry->turn);
    if (majority(showing(slot, *entry, true))) agree(slot, *entry);
    disks_[disk][slot].writer = &path;
    disks_[disk][slot].written = order_;
}

void SlotJudge::judge_tenure(const SimPath& path, std::size_t disk, std::uint32_t slot,
                             const SlotEntry& entry) {
    const OnDisk& here = disks_[disk][slot];
    const auto say = [&](const char* what) {
        wrong_(SlotFault::tenure,
               fmt::format("the owner of slot {} is written on disk {} {}", slot, disk, what));
    };
    const auto stamped = here.stamped.find(&path);
    if (stamped == here.stamped.end()) return say("by one whose stamp never stood there");
    const bool crossed =
        here.writer != nullptr && here.writer != &path && here.written > stamped->second.landed;
    const auto theirs = here.stamped.find(here.writer);
    const bool wiped_again = crossed && here.last == entry && stamped->second.over_damage &&
                             theirs != here.stamped.end() && theirs->second.over_damage &&
                             theirs->second.landed > stamped->second.landed;
    if (crossed && !wiped_again) return say("by two whose tenures overlap");
    const Entry stamp = claim(disk, slot);
    if (stamp && !stamp->held()) say("when its claim block is free");
}

// A lower turn where the user's entry does not stand is a late write of a claim that had concluded
// without this disk: it tells nothing.
void SlotJudge::judge_users(std::uint32_t slot, const Entry& before, const SlotEntry& entry,
                            std::size_t disk) {
    for (const auto& [user, sitting] : users_) {
        if (sitting.slot != slot || sitting.entry == entry) continue;
        const bool over_theirs = before && *before == sitting.entry;
        if (entry.turn < sitting.entry.turn && !over_theirs) continue;
        wrong_(SlotFault::users, fmt::format("slot {} has a live user under \"{}\", and \"{}\" is "
                                             "written on disk {}",
                                             slot, describe(sitting.entry), describe(entry), disk));
    }
}

void SlotJudge::judge_ties(std::uint32_t slot, const SlotEntry& entry) {
    const auto tie = [&](const SlotEntry& other) {
        if (other.turn != entry.turn || other == entry) return;
        if (!other.held() && !entry.held()) return;
        wrong_(SlotFault::tie, fmt::format("slot {} has two entries of one turn: {}; {}", slot,
                                           describe(other), describe(entry)));
    };
    for (std::size_t disk = 0; disk < platters_.size(); ++disk) {
        if (const Entry other = owner(disk, slot)) tie(*other);
    }
    const auto agreed = agreed_[slot].find(entry.turn);
    if (agreed != agreed_[slot].end()) tie(agreed->second);
}

void SlotJudge::agree(std::uint32_t slot, const SlotEntry& entry) {
    auto& agreed = agreed_[slot];
    if (agreed.contains(entry.turn)) return;  // the same one, or a tie, which has been told
    if (!agreed.empty()) {
        const SlotEntry& last = agreed.rbegin()->second;
        const auto freed = freed_[slot].upper_bound(last.turn);
        const bool given_up = forgotten_.contains(last.host) ||
                              (freed != freed_[slot].end() && freed->second == last.host);
        const auto again = borrowed_[slot].upper_bound(last.turn);
        const bool begun_again = last.state == SlotState::borrowed &&
                                 again != borrowed_[slot].end() && again->first < entry.turn &&
                                 again->second == last.host;
        const bool lost = last.held() && last.host != entry.host && !given_up && !begun_again;
        if (last.turn > entry.turn || lost) {
            wrong_(SlotFault::agreed, fmt::format("slot {} goes from \"{}\" to \"{}\"", slot,
                                                  describe(last), describe(entry)));
        }
    }
    agreed.emplace(entry.turn, entry);
}

void SlotJudge::row_landed(const SimPath& path, std::size_t disk, std::uint32_t slot) {
    const auto host = hosts_.find(&path);
    if (host == hosts_.end() || agreed_[slot].empty()) return;
    const SlotEntry& last = agreed_[slot].rbegin()->second;
    if (last.held() && last.host == host->second) return;
    wrong_(
        SlotFault::row,
        fmt::format("a block of slot {} is written on disk {} by a host that does not have it: {}",
                    slot, disk, describe(last)));
}

// ---- users ----

void SlotJudge::seated(const void* user, std::uint32_t slot, const Uuid& host,
                       std::uint32_t ring_index) {
    for (const auto& [other, sitting] : users_) {
        if (sitting.slot != slot) continue;
        wrong_(SlotFault::users, fmt::format("slot {} has two users, one under \"{}\"", slot,
                                             describe(sitting.entry)));
    }
    const SlotEntry last = agreed_[slot].empty() ? SlotEntry() : agreed_[slot].rbegin()->second;
    const bool its_own = last.state == SlotState::taken && last.host == host &&
                         stood_[slot].contains(last.turn);
    if (!its_own || last.ring_index(geometry_.ring) != ring_index) {
        wrong_(SlotFault::users,
               fmt::format("slot {} is used without being agreed to be its host's: {}", slot,
                           describe(last)));
    }
    users_[user] = Sitting{slot, host, last};
}

// ---- the end ----

void SlotJudge::must_be_settled() {
    for (std::uint32_t slot = 0; slot < geometry_.slots; ++slot) {
        const std::string why = why_unsettled(slot);
        if (why.empty()) continue;
        std::string table;
        for (std::size_t disk = 0; disk < platters_.size(); ++disk) {
            const Entry o = owner(disk, slot), c = claim(disk, slot);
            table += fmt::format("; disk {}: {}, claim {}", disk, o ? describe(*o) : "damaged",
                                 c ? describe(*c) : "damaged");
        }
        wrong_(SlotFault::unsettled, fmt::format("slot {} {}{}", slot, why, table));
    }
}

std::string SlotJudge::why_unsettled(std::uint32_t slot) const {
    const SlotEntry& last = agreed_[slot].rbegin()->second;
    std::size_t open = 0;  // disks that show it, over a claim block that bars nobody
    for (std::size_t disk = 0; disk < platters_.size(); ++disk) {
        const Entry here = owner(disk, slot), stamp = claim(disk, slot);
        if (here && here->turn > last.turn) return "has an entry that only a few disks show";
        if (!here || *here != last || !stamp) continue;
        const bool its_own = last.held() && stamp->stamp == last.stamp;
        if (!stamp->held() || its_own) ++open;
    }
    if (last.state == SlotState::borrowed) return "is still borrowed";
    if (majority(open)) return "";
    return last.held() ? "is barred from the processes of its host" : "is free, and barred";
}

}  // namespace diskpaxos::sim
