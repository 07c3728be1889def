// Healing the registers of active disks. Nobody owns such a block, and who is using it cannot be
// known, so it is not enough to copy what the other disks have: a process may have been counted on
// the damaged disk at a rank that none of them has seen, and could then be contradicted there.
//
//   0  see what the damage is
//   1  write the value of the cell again, at a rank 2^24 rounds above all that the other disks have
//      seen, and above the ceiling of now by the latest of the agents' clocks (ceiling-C4); it commits
//      on a majority, without the damaged disk, which counts for nobody
//   2  restore the damaged block as our own write there would have left it, if it is still the very
//      damage of step 0: another healer may have been faster, the block used, and damaged again
//
// Whoever was counted on the damaged disk before, at a rank below ours, needs another disk of the
// majority of step 1: either it was counted there before us, and we have seen what it did; or it is
// refused there, and by the restored block as well. Nobody can have been counted at a rank above
// ours: what one step can reach there at all is below the ceiling; and above it, every round is at most
// 64 above one that stood there, so 2^24 rounds that only the damaged disk has seen would be 2^18 steps
// of which not one reached any other disk. (The derivation is ours; docs/decisions.md.)
//
// A register that is behind is written again as any process would write it: so it is lifted to where
// the others stand. No promise is ever lowered (ceiling-C2), however high: an honest read phase may rely
// on it (2.4, F1). Where no room is left above one, nothing can be done, and it is said.
#pragma once

#include "group/check.hpp"
#include "group/group.hpp"

namespace diskpaxos {

struct RegisterReport {
    std::uint64_t renewed = 0;     // cells that were behind somewhere, written again
    std::uint64_t restored = 0;    // damaged blocks
    std::uint64_t unhealable = 0;  // of them: too few other disks
    std::uint64_t no_room = 0;  // on some disk no rank is left above what stands there
    std::uint64_t failed = 0;
    std::uint64_t forbidden = 0;  // of the damaged blocks: to restore one takes Right::format
};

class RegisterHealer {
  public:
    static constexpr std::uint64_t leap = std::uint64_t{1} << 24;  // rounds

    // A group with a seat. `now_ms`: the time of day (unix), for where no agent tells it.
    explicit RegisterHealer(Group& group, std::uint64_t now_ms = 0)
        : group_(group), now_ms_(now_ms), rows_(group.world(), group.roster()) {}

    // `time_out`: of each cell.
    Task<RegisterReport> run(Duration time_out);

  private:
    std::uint64_t high() const;
    Task<void> lower(std::uint32_t cell);
    Task<void> heal(std::uint32_t cell, Duration time_out);
    Task<Rank> damage(std::size_t disk, std::uint32_t cell);
    Task<int> restore(std::size_t disk, std::uint32_t cell, Rank damage, Block image);  // errno

    Group& group_;
    std::uint64_t now_ms_;
    Rows rows_;
    RegisterReport report_;
};

}  // namespace diskpaxos
