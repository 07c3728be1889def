// Record: what a cell holds, as the value of its ranked register (algorithms.md 4.1).
//
//   0 version u64 · 8 origin u16 · 10 state u8 · 11 name length u8
//   12 done · name · payload      in groups of passive disks
//   12 name · done · payload      where a disk is active: its keeper may read the name, and no more
//
// `done` tells whether an operation is in this lineage, in one of two ways.
//
// By slot, one entry of 4 or 2 bytes each: done[s] names the last operation of slot s in this
// lineage by the round of the attempt that applied it, modulo the width; 0 means never, or long
// ago. It can be that small because ranks of one slot rise with every attempt, over restarts too
// (phase 0 reads the slot's own block), and a slot has one operation outstanding per cell: an
// entry that is not older than the first attempt of an operation is that operation. Every new
// record forgets entries that are older than half the range, so an entry never wraps
// (docs/decisions.md).
//
// By rank, where nobody has a slot (lineage.hpp): of each of the last processes that changed the cell,
// the rank of the attempt that applied its last change, newest first. An attempt that is not among
// them was not applied if the oldest of them is older, or if they are all processes there ever were;
// otherwise nobody can tell any more. So constant space serves any number of processes, unknown in
// advance; and those that are as many as there are entries, or fewer, are told apart for ever. One
// entry per process is enough: whoever begins another change has settled the one before (cell.cpp).
//
// In a *roomy* group (geometry.hpp) the lineage is as long as name and value leave room for: 15 to 45
// entries in blocks of 512 bytes. How many groups it has stands in place of the origin. A process may
// sleep between a write that was half refused and its next look. It can tell what became of its
// change as long as fewer other processes than there are entries have changed the cell meanwhile.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "base/bytes.hpp"
#include "base/rank.hpp"
#include "consensus/lineage.hpp"
#include "disk/geometry.hpp"

namespace diskpaxos {

enum class CellState : std::uint8_t {
    unset = 0,    // never named, or named and never written
    set = 1,      // a rewritable cell
    decided = 2,  // a decision: the value stays for ever
    deleted = 3,  // the name keeps the cell, so that its version never falls back
    lock = 4,     // src/lock: who holds it, who waits
    session = 5,  // src/lock: a process's sign of life
};

struct CellView {  // what a change is applied to
    std::uint64_t version = 0;  // number of changes applied so far
    CellState state = CellState::unset;
    std::string_view name;      // empty: the cell belongs to no name yet
    ByteView value;
};

enum class Applied : std::uint8_t { no, yes, cannot_tell };

class RecordFormat {
  public:
    explicit RecordFormat(const Geometry& geometry, DiskKinds kinds = DiskKinds::passive);

    // Bytes for name and payload together.
    std::size_t capacity() const { return capacity_; }
    // Whether an attempt of this round can be told from "never": its entry must not be zero.
    bool nameable(std::uint64_t round) const { return by_rank_ || (round & mask_) != 0; }

    // Whether an attempt can no longer be told from "never" after so many other changes.
    bool forgets() const { return by_rank_; }

    // The empty register reads as version 0, unset, no name.
    bool valid(ByteView record) const;
    CellView view(ByteView record) const;
    std::uint16_t origin(ByteView record) const;  // the slot whose change made it, where slots are

    // Whether an operation of `who`, first attempted at round `first`, is in the lineage of
    // `record`, which was written at round `round`.
    Applied applied(ByteView record, std::uint64_t round, Proposer who, std::uint64_t first) const;
    // Of an operation that is: whether it is the last one.
    bool latest(ByteView record, Proposer who) const;
    // The round of the attempt by which the last operation of `who` in this lineage was applied;
    // 0: there is none, as far as one can tell.
    std::uint64_t last_round(ByteView record, std::uint64_t round, Proposer who) const;

    // The same record as `base` (written at round `base_round`), to be written again at `round`.
    // An empty base becomes a record of version 0.
    void carry(Bytes& out, ByteView base, std::uint64_t base_round, std::uint64_t round) const;

    // The successor of `base`: `next`, by an operation attempted at the rank `at`.
    void succeed(Bytes& out, ByteView base, std::uint64_t base_round, const CellView& next,
                 Rank at) const;

  private:
    void compose(Bytes& out, const CellView& next, std::uint16_t origin, std::uint64_t base_round,
                 std::uint64_t round) const;
    std::size_t name_at(ByteView record) const { return name_first_ ? head : head + done_of(record); }
    std::size_t done_at(ByteView record) const;
    std::size_t value_at(ByteView record) const;

    void keep_slots(Bytes& out, ByteView base, std::uint64_t base_round, std::uint64_t round) const;
    std::uint64_t entry(ByteView record, std::size_t slot) const;
    void set_entry(ByteSpan record, std::size_t slot, std::uint64_t value) const;
    // The full round that an entry of a record written at `round` stands for.
    std::uint64_t unwrap(std::uint64_t entry, std::uint64_t round) const {
        return round - ((round - entry) & mask_);
    }

    void keep_ranks(Bytes& out, ByteView base) const;
    Lineage lineage(ByteView record) const;
    ByteSpan done_in(Bytes& record) const;
    std::size_t done_of(ByteView record) const;
    std::size_t done_beside(std::size_t name_and_value) const;

    static constexpr std::size_t head = 12;

    bool name_first_;
    bool by_rank_;
    bool roomy_;
    std::size_t entries_;  // slots, or groups of ranks: at least so many
    std::size_t width_;    // of one, in bytes
    std::uint64_t mask_;
    std::size_t done_;     // bytes of all
    std::size_t capacity_;
};

}  // namespace diskpaxos
