// Giving up what a name held, when a majority of the disks has lost its copies. Nothing can tell then
// what was committed last, so no program may decide this; a person may.
//
// Lost is only what its disk shows, and shows damaged. While a disk is absent or silent, or does not
// let us read the row, nothing is given up: it may hold the copy that was acknowledged, and would
// bring it back. If it is gone for good, another disk takes its place first (--replace).
//
// It is a read and a write of the register (3.2), but that disks count whose row is not whole:
//
//   1  promise a rank far above all that can be read, on a majority; a damaged active disk counts as
//      it is: it takes no step of anybody
//   2  of what these disks show then, take what was accepted last; make its successor, whose version
//      leaps; accept it at that rank, on a majority
//   3  only now the damaged blocks of that row are made readable (HealWish::give_up), by who is
//      entitled to write them, from whatever copies there are; without any they are initial
//
// Before 3 nobody but another person's giving up can complete anything, since a majority is damaged. From
// 1 on nobody below the rank can, on any of these disks: what was counted on one of them before was
// written there before its row was read, so 2 sees it; what comes later meets the promise. After 3
// every quorum meets a disk that shows the successor at the highest rank. What the lost blocks may
// have promised lies below: every round is one above a round that its proposer had seen, so a lost one
// 2^40 above all that can be read would have been 2^40 attempts of which no other disk saw one
// (as in heal_registers.hpp). What was acknowledged and stood on the lost copies only is gone.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "group/check.hpp"
#include "group/group.hpp"

namespace diskpaxos {

// What can still be read of a name that a majority has lost.
struct LostName {
    std::uint32_t cell = 0;
    bool named = false;  // some copy says that the cell is this name's; otherwise it may be another's
    std::uint64_t version = 0;
    CellState state = CellState::unset;
    Bytes value;
};

class GivingUp {
  public:
    static constexpr std::uint64_t rounds = std::uint64_t{1} << 40;
    static constexpr std::uint64_t versions = std::uint64_t{1} << 32;
    // Fills in state and value of the successor; its version and name are none of its business.
    using Successor = std::function<void(const CellView& base, Draft& draft)>;

    explicit GivingUp(Group& group)
        : group_(group), rows_(group.world(), group.roster()) {}

    // no: a majority still has it, or nobody ever wrote it. no_quorum: it would be lost on a
    // majority, if some disk that does not show its row had lost it too; permission: an agent
    // does not let us read every name and format, as it takes.
    Task<Result<LostName>> find(std::string name);

    // With a seat. The version that the name has now. Looks again, and errs as find() does.
    Task<Result<std::uint64_t>> run(LostName lost, std::string name, Successor successor);

    // Damaged blocks that it has made whole: registers, and blocks of our own place.
    std::uint64_t mended() const { return mended_; }

  private:
    struct Unread {
        std::size_t disk;
        int error;  // errno; ENODEV: it is absent
    };
    struct Seen {  // of the row, on all disks
        DiskSet whole;
        std::optional<Unread> unread;  // the first one that does not show its row
        Rank highest;
        Rank accepted;
        Bytes record;
        std::string name;
    };
    Seen look(std::uint32_t cell) const;
    std::optional<std::size_t> refusing() const;
    Error not_ours(std::size_t disk) const;
    Error unknown(const Unread& unread, const std::string& name) const;
    void take(const Decoded& copy, Seen& seen) const;
    Task<bool> put(std::size_t disk, std::uint32_t cell, Block block, Seen& seen);
    Task<bool> put_in_place(std::size_t disk, std::uint32_t cell, Block block, Seen& seen);
    Task<bool> step_register(std::size_t disk, std::uint32_t cell, Block block, Seen& seen);
    Task<bool> everywhere(std::uint32_t cell, const Block& block, Seen& seen);

    Group& group_;
    Rows rows_;
    std::uint64_t mended_ = 0;
};

}  // namespace diskpaxos
