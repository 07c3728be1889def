// Healing a group in place (algorithms.md 7.8): every damaged block is rewritten by the one who is
// entitled to write it, from a set of other disks that meets every quorum of the damaged one;
// never from a minority.
//
//  - Slots of this host that no process uses: borrowed by their locks, as any process would.
//  - Slots that nobody owns: claimed for the time of the healing, and given back by another claim
//    (docs/slots.md, R8); their locks are taken as well, so that a healer that died has drained
//    before another one goes on.
//  - Slots that a running process uses: their user heals them, at its next visit of each cell.
//  - Slots of other hosts: by check --repair on those hosts, or by their users.
//
// That is the first pass, which waits for nothing: what it heals counts again at once. The second
// one goes over damage in the slot table, and over stamps that claims left behind: those are watched
// first, longer than the drain time (R3). It must reach every disk.
//
// A disk may become another group's while we work. So its superblocks are read again before each
// bunch of its rows is healed, and before they are written: what is sound and not ours, or retired,
// ends the healing of that disk (retire-F1). Written are only superblocks that are blank or whose
// checksum is wrong.
//
// A borrowed slot stays borrowed until the last heal write is answered, whatever happens to us; and
// if one failed, until it cannot land any more.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "group/check.hpp"
#include "group/seat.hpp"

namespace diskpaxos {

struct HealWish {
    std::vector<bool> slots;  // whose rows need it, by CheckReport::hurt; empty: try them all
    // Whether to make the second pass, if there is something for it: it begins after a watch that
    // is longer than the drain time.
    bool watch = true;
    // The cell of a name that was given up (give_up.hpp): what is lost of it is healed all the same.
    std::optional<std::uint32_t> give_up{};
    // Called when that watch begins, with its length, and how many slots it is about.
    std::function<void(Duration length, std::uint64_t slots)> watching{};
};

struct HealReport {
    std::uint64_t superblocks = 0;  // rewritten
    std::uint64_t slot_entries = 0;
    std::uint64_t blocks = 0;
    std::uint64_t settled = 0;  // slots that nobody could use, for what was cut short, and now one can
    std::uint64_t unhealable = 0;  // too few other copies are readable
    std::uint64_t failed = 0;      // the write failed
    std::uint64_t not_now = 0;  // slots that were not to be had, or not everywhere, at this moment
    std::uint64_t barred = 0;   // slots that wait for the second pass
    bool unfinished = false;    // a disk did not answer to the end: not again in this process
    std::vector<std::string> left;  // sentences: which slots were left alone, and who can heal them
};

class Healer {
  public:
    Healer(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks, Host host,
           HealWish wish = {});
    Task<Result<HealReport>> run(Instant deadline);

    // Where nobody has a slot: what is left to this healer are the superblocks.
    Task<Result<HealReport>> run_without_slots();

  private:
    bool wanted(std::uint32_t slot) const { return wish_.slots.empty() || wish_.slots[slot]; }
    bool ours(const SlotEntry& owner, SlotState state) const {
        return owner.state == state && owner.host == host_.id;
    }
    Task<Result<void>> pass(bool settling, Instant deadline);
    bool needs_settling(std::uint32_t slot) const;
    bool cut_short(const SlotView& view) const;
    void ask(bool settling);
    void ask_for(std::uint32_t slot, const SlotView& view, bool settling);
    Task<void> claim(bool settling, Instant deadline);
    Task<void> copy_held();  // only under a mutant
    void judge(const std::vector<Claimed>& claimed, bool settling);
    Task<void> borrow_ours(Instant deadline);
    void return_ours();
    Task<void> give_back(Instant deadline);
    void tell_elsewhere();
    void tell_left();
    bool lock_for_healing(std::uint32_t slot);
    DiskSet lock(std::uint32_t slot);
    void unlock(std::uint32_t slot, DiskSet disks);
    bool may_write(std::uint32_t slot, std::size_t disk) const {
        return entitled_[slot] && locked_[slot].contains(disk);
    }
    Task<bool> still_ours(std::size_t disk);
    Task<void> ask_whose(std::size_t disk);
    Task<Result<void>> all_still_ours();
    Task<void> heal_cells();
    Task<void> heal_rows(std::uint32_t first, std::uint32_t count, std::size_t disk);
    Task<bool> heal_doors(std::uint32_t cell, std::size_t disk);
    Task<void> heal_row(std::uint32_t cell, std::size_t disk);
    Task<void> heal_superblocks();
    Task<bool> write(std::size_t disk, IoPtr io, std::uint32_t first_slot, std::uint32_t last_slot);
    Task<bool> write(std::size_t disk, IoPtr io);

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    Host host_;
    HealWish wish_;
    TableReader table_;
    Watched watched_;
    std::optional<Claim> claim_;    // of this pass: what is borrowed, and what is settled
    std::optional<Claim> release_;  // of this pass
    std::vector<Asked> asked_;
    std::vector<Asked> borrowed_;  // won in this pass: to be given back
    Rows rows_;
    DiskSet taken_;   // disks that are another group's by now, as was said already
    DiskSet told_;    // that have told so far whose they are, in this pass
    DiskSet silent_;  // that did not in time
    std::vector<DiskSet> locked_;  // by slot: where its lock is ours
    std::vector<bool> entitled_;   // by slot: it is ours to heal, where it is locked
    std::vector<bool> barred_;     // by slot: a claim or a repair that was cut short keeps all out
    std::vector<bool> healed_;     // by slot: its rows have been, in an earlier pass
    std::vector<bool> doubtful_;   // by slot: a write failed, and may land until hold_until_
    Instant hold_until_{};
    bool drained_ = false;  // what an earlier boot had under way has landed
    std::uint64_t in_use_ = 0;
    std::uint64_t partly_ = 0;
    HealReport report_;
    Scope scope_;
    Scope asking_;  // whose the disks are; one that hangs holds up nothing else
};

}  // namespace diskpaxos
