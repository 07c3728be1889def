// Healing a group in place (algorithms.md 7.8): every damaged block is rewritten by the one who is
// entitled to write it, from a set of other disks that meets every quorum of the damaged one;
// never from a minority.
//
//  - Slots of this host that no process uses: borrowed by their locks, as any process would.
//  - Slots that nobody owns: claimed for the time of the healing, and given back; their locks are
//    taken as well, so that a healer that died has drained before another one goes on.
//  - Slots that a running process uses: their user heals them, at its next visit of each cell.
//  - Slots of other hosts: by check --repair on those hosts, or by their users.
//
// A borrowed slot stays borrowed until the last heal write is answered, whatever happens to us; and
// if one failed, until it cannot land any more.
#pragma once

#include <string>
#include <vector>

#include "group/check.hpp"
#include "group/seat.hpp"

namespace diskpaxos {

struct HealReport {
    std::uint64_t superblocks = 0;  // rewritten
    std::uint64_t slot_entries = 0;
    std::uint64_t blocks = 0;
    std::uint64_t unhealable = 0;   // too few other copies are readable
    std::uint64_t failed = 0;       // the write failed
    std::uint64_t not_now = 0;      // slots that were not to be had, or not everywhere, at this moment
    bool unfinished = false;        // a disk did not answer to the end: not again in this process
    std::vector<std::string> left;  // sentences: which slots were left alone, and who can heal them
};

// Which disks of the group the strangers among those named are: by a block that survived, or
// because only one is missing. They become members; their superblocks are healed last.
class Adoption {
  public:
    struct Adopted {
        std::size_t index = 0;
        bool by_elimination = false;  // nothing on it says so: look at what else is on it first
    };

    Adoption(World& world, Roster& roster) : world_(world), roster_(roster) {}
    Task<Result<std::vector<Adopted>>> run();

  private:
    Task<std::optional<std::size_t>> recognise(Disk& disk);
    Result<std::size_t> only_missing(const Disk& disk) const;

    World& world_;
    Roster& roster_;
};

class Healer {
  public:
    Healer(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks, Host host);
    Task<Result<HealReport>> run(Instant deadline);

  private:
    void sort_slots();
    Task<void> claim_free(Instant deadline);
    Task<std::vector<std::uint64_t>> watch_stale_claims();
    std::vector<std::uint64_t> stale_claims() const;
    DiskSet lock(std::uint32_t slot);
    void unlock(std::uint32_t slot, DiskSet disks);
    bool may_write(std::uint32_t slot, std::size_t disk) const {
        return entitled_[slot] && locked_[slot].contains(disk);
    }
    Task<void> heal_slot_table();
    Task<void> heal_cells();
    Task<void> heal_row(std::uint32_t cell, std::size_t disk);
    Task<void> heal_superblocks();
    Task<bool> write(std::size_t disk, IoPtr io);

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    Host host_;
    SlotTableAccess table_;
    SlotTableAccess claim_;  // of free slots, for the time of the healing
    Rows rows_;
    std::vector<DiskSet> locked_;  // by slot: where its lock is ours
    std::vector<bool> entitled_;   // by slot: it is ours to heal, where it is locked
    std::vector<std::uint32_t> free_;
    Instant hold_until_{};         // the last write that failed may land until then
    HealReport report_;
    Scope scope_;
};

}  // namespace diskpaxos
