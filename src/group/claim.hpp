// Claiming slots that nobody owns: the timed rule of algorithms.md 9.5, per disk, counted by
// majority. It runs once per host and group; what it wins is kept across boots.
//
//  1  tb = now; read the slot table. A slot may be claimed on this disk if its owner is free and
//     its claim block is free.
//  2  write a stamp of our own into the claim block; if that took longer than B since tb, this
//     attempt is never validated on this disk (a competitor may have been validated meanwhile)
//  3  wait V after the write; read the table again: our stamp still stands and the owner is still
//     free: validated on this disk
//  4  validated on a majority: write the owner entry everywhere, on each disk only if that is
//     begun within B of the validating read (if it is too late for that, look again: step 3);
//     ours when a majority has it. Validated, but not on a majority: free the claim block again,
//     under the same bound.
//
// All slots at once: one after the other, the last stamps would be late on a busy machine.
//
// V(1-rho) > B(1+rho): a competitor that also saw the slot free has landed its stamp before we
// look again, or has exceeded B and disqualified itself. Nobody who is not validated ever writes
// an owner entry, so a claim that lands late spoils a claim block and nothing else. A claim block
// that its writer never followed up (it died, or its stamp was late: then it may cover that of
// one who was validated) stays taken: others claim other slots, and check --repair frees it after
// having watched it (`outlived`). A writer follows up within 4V of the stamp or never, so that
// after 4V and the drain time nothing of it can land any more.
#pragma once

#include <vector>

#include "async/world.hpp"
#include "disk/disk.hpp"
#include "diskpaxos/error.hpp"
#include "group/assemble.hpp"
#include "group/slot_table.hpp"

namespace diskpaxos {

struct ClaimTiming {
    Duration bound;  // B
    Duration wait;   // V
    static constexpr ClaimTiming of(Duration ttl) { return {ttl / 20, ttl / 10}; }
    Duration life() const { return 4 * wait; }  // of a stamp, in which it is followed up
};
// With a clock drift of rho = 1/2000 the wait must exceed the bound by more than a thousandth.
static_assert(ClaimTiming::of(std::chrono::seconds(10)).wait * 1999 >
              ClaimTiming::of(std::chrono::seconds(10)).bound * 2001);

struct Host {  // who we are, to the slot table
    Uuid id{};
    Uuid boot{};
    std::string name;
    std::uint64_t now_ms = 0;  // unix time, for people only
};

class SlotTableAccess {
  public:
    SlotTableAccess(World& world, const Roster& roster, const QuorumRule& rule);

    // Reads the table on all disks; true when a majority was read.
    Task<bool> read(Instant deadline);
    SlotView view(std::uint32_t slot) const { return agree(copies_, rule_, slot); }
    const std::vector<TableCopy>& copies() const { return copies_; }

    // Tries to take `slots`, as `state`; returns those that are ours now. Once per object.
    // `outlived`: stamps that stood unchanged for ClaimTiming::life() and the drain time under a
    // free owner, and may be overwritten: whatever their writers had under way has landed.
    Task<std::vector<std::uint32_t>> claim(std::vector<std::uint32_t> slots, SlotState state,
                                           Host host, Instant deadline,
                                           std::vector<std::uint64_t> outlived = {});
    // Counts a slot that this host holds already (a healer died with it) among those to give back.
    void resume(std::uint32_t slot, SlotEntry entry);
    // Gives back all that was won. False if that did not come to an end on every disk: then
    // something of ours may still land, and the locks of those slots must be kept.
    Task<bool> release(Instant deadline);

  private:
    struct Attempt {
        std::uint32_t slot = 0;
        SlotEntry entry;
        DiskSet stamped;  // in time
        DiskSet validated;
        DiskSet owned;
    };

    Task<void> read_copy(std::size_t disk);
    Task<TableCopy> fetch(std::size_t disk);
    Task<void> claim_on(std::size_t disk);
    Task<TableCopy> fetch_at_once(std::size_t disk, Instant& begun);
    Task<void> stamp(std::size_t disk, Attempt& attempt, Instant before);
    Task<bool> validate(std::size_t disk);
    Task<void> follow_up_on(std::size_t disk);
    Task<void> own(std::size_t disk, Attempt& attempt);
    Task<void> withdraw(std::size_t disk, Attempt& attempt);
    Task<void> free_on(std::size_t disk);
    Task<bool> put(std::size_t disk, BlockKind kind, std::uint32_t slot, SlotEntry entry);
    bool claimable(const TableCopy& table, std::uint32_t slot) const;
    bool enough() const { return rule_.suffices(Purposes{.read = true, .write = true}, done_); }

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    ClaimTiming timing_;
    std::vector<TableCopy> copies_;
    std::vector<Attempt> attempts_;
    std::vector<Attempt> resumed_;
    std::vector<std::uint64_t> outlived_;
    std::vector<Instant> stamped_at_;    // per disk: when the last stamp was down
    std::vector<Instant> validated_at_;  // per disk: when the last validating read was begun
    Host host_;
    DiskSet done_;
    Fan fan_;  // last: its tasks die before what they write to
};

}  // namespace diskpaxos
