// Healing the registers of active disks. Nobody owns such a block, and who is using it cannot be
// known, so it is not enough to copy what the other disks have: a process may have been counted on
// the damaged disk at a rank that none of them has seen, and could then be contradicted there.
//
//   0  see what the damage is
//   1  write the value of the cell again, at a rank far above all that the other disks have seen;
//      it commits on a majority, without the damaged disk, which counts for nobody
//   2  restore the damaged block as our own write there would have left it, if it is still the very
//      damage of step 0: another healer may have been faster, the block used, and damaged again
//
// Whoever was counted on the damaged disk before, at a rank below ours, needs another disk of the
// majority of step 1: either it was counted there before us, and we have seen what it did; or it is
// refused there, and by the restored block as well. Nobody can have been counted at a rank above
// ours: every round is one above a round that its proposer had seen, and 2^40 rounds that only the
// damaged disk has seen would be 2^40 attempts of which not one reached any other disk. (The
// derivation is ours; docs/decisions.md.)
#pragma once

#include "group/check.hpp"
#include "group/group.hpp"

namespace diskpaxos {

struct RegisterReport {
    std::uint64_t renewed = 0;     // cells that were behind somewhere, written again
    std::uint64_t restored = 0;    // damaged blocks
    std::uint64_t unhealable = 0;  // of them: too few other disks
    std::uint64_t failed = 0;
};

class RegisterHealer {
  public:
    static constexpr std::uint64_t leap = std::uint64_t{1} << 40;  // rounds

    // A group with a seat.
    explicit RegisterHealer(Group& group)
        : group_(group), rows_(group.world(), group.roster()) {}

    // `time_out`: of each cell.
    Task<RegisterReport> run(Duration time_out);

  private:
    Task<void> heal(std::uint32_t cell, Duration time_out);
    Task<Rank> damage(std::size_t disk, std::uint32_t cell);
    Task<bool> restore(std::size_t disk, std::uint32_t cell, Rank damage, Block image);

    Group& group_;
    Rows rows_;
    RegisterReport report_;
};

}  // namespace diskpaxos
