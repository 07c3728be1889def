// SlotJudge: what must hold of the slot table of a group whose hosts own slots, whoever claims, heals
// or dies (docs/slots.md). It is told of every block that lands on a platter, at the very
// instant, and of every user that sits down.
//
// An entry is *agreed* when the owner blocks of a majority show it at one instant; one that was wiped
// counts for the last entry that it had, since its writer may have been told that it stands there.
// Checked are:
//  - users    no two live users ever have the same slot; a user has one whose agreed entry is its
//             own host's, and has stood on a majority at one instant; while it lives nothing else
//             lands in the slot's owner blocks
//  - agreed   agreed turns only rise; what a host holds is freed by that host alone (on one disk
//             at least: a mender may go on from there). What it has borrowed may also be void once
//             the host itself has begun to borrow it again: then its borrower is dead (R9)
//  - tie      two entries of one turn, one of them held: never on platters at one instant, and
//             never beside one that was agreed
//  - turn     the turn of a readable owner block never falls
//  - tenure   an owner block is written only by one whose own stamp has landed in the claim block
//             of that disk, when nobody else has written an owner entry there since, and the
//             claim block is not free by then (one that was wiped, or covered by a late stamp,
//             which is followed up by nobody, is no sin of the writer; nor is a stamp that was wiped
//             where damage stood before: who watches that damage sees it unchanged, docs/slots.md;
//             what is written late then must be what had been written there already)
//  - row      a slot's blocks in a row are written only under an agreed entry of the writer's host
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disk/slot_entry.hpp"
#include "disk/superblock.hpp"
#include "sim/draw.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

enum class SlotFault : std::uint8_t { users, agreed, tie, turn, tenure, row, unsettled };

class SlotJudge {
  public:
    using Wrong = std::function<void(SlotFault, std::string)>;

    SlotJudge(const Superblock& group, const Platters& platters, Wrong wrong);

    // What stands on the platters now is where everything begins.
    void formatted();
    // Whose process a path belongs to.
    void belongs(const SimPath& path, const Uuid& host) { hosts_[&path] = host; }

    void seated(const void* user, std::uint32_t slot, const Uuid& host, std::uint32_t ring_index);
    void left(const void* user) { users_.erase(user); }

    // A person says that this host is off: others may free what it holds (R12).
    void may_be_forgotten(const Uuid& host) { forgotten_.insert(host); }

    // After the block has reached the platter.
    void landed(const SimPath& path, const Platter& platter, std::uint64_t block);

    // Faults over and everything repaired: each slot is agreed to be somebody's, who may borrow
    // it, or agreed to be free, and can be claimed.
    void must_be_settled();

  private:
    using Entry = std::expected<SlotEntry, Damage>;
    struct Sitting {
        std::uint32_t slot;
        Uuid host;
        SlotEntry entry;  // under which it sits
    };
    struct Stamp {
        std::uint64_t landed;
        bool over_damage;
    };
    struct OnDisk {                               // of one slot
        std::map<const SimPath*, Stamp> stamped;  // the last one of each
        std::optional<SlotEntry> last;            // owner entry, wiped since or not
        const SimPath* writer = nullptr;                  // of the last owner entry
        std::uint64_t written = 0;                        // when that landed
    };

    Entry claim(std::size_t disk, std::uint32_t slot) const;
    Entry owner(std::size_t disk, std::uint32_t slot) const;
    Entry decode(std::size_t disk, BlockKind kind, std::uint32_t slot, ByteView block) const;
    void claim_landed(const SimPath& path, std::size_t disk, std::uint32_t slot);
    void owner_landed(const SimPath& path, const Platter& platter, std::uint32_t slot);
    void judge_tenure(const SimPath& path, std::size_t disk, std::uint32_t slot,
                      const SlotEntry& entry);
    void judge_users(std::uint32_t slot, const Entry& before, const SlotEntry& entry,
                     std::size_t disk);
    void judge_ties(std::uint32_t slot, const SlotEntry& entry);
    void agree(std::uint32_t slot, const SlotEntry& entry);
    void row_landed(const SimPath& path, std::size_t disk, std::uint32_t slot);
    // So many disks; with those that have been wiped since.
    std::size_t showing(std::uint32_t slot, const SlotEntry& entry, bool wiped) const;
    bool majority(std::size_t disks) const { return disks > platters_.size() / 2; }
    std::string why_unsettled(std::uint32_t slot) const;

    const Superblock& group_;
    const Platters& platters_;
    const Geometry& geometry_;
    Wrong wrong_;
    std::map<const SimPath*, Uuid> hosts_;
    std::set<Uuid> forgotten_;
    std::map<const void*, Sitting> users_;
    std::vector<std::vector<OnDisk>> disks_;  // by disk and slot
    std::vector<std::map<std::uint64_t, SlotEntry>>
        agreed_;                                        // by slot and turn, all that ever were
    std::vector<std::map<std::uint64_t, Uuid>> freed_;  // the same: who freed it, on any disk
    std::vector<std::set<std::uint64_t>> stood_;  // by slot: turns that a majority showed at one instant
    std::vector<std::map<std::uint64_t, Uuid>> borrowed_;  // and who entered it as borrowed
    std::uint64_t order_ = 0;                           // of landings
};

// For people: "turn 3, taken by host 1".
std::string describe(const SlotEntry& entry);

}  // namespace diskpaxos::sim
