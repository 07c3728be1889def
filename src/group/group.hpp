// Group: the disks that vote together, as one process sees them; gives out its cells.
#pragma once

#include <array>
#include <map>
#include <memory>

#include "consensus/cell.hpp"
#include "group/seat.hpp"
#include "register/passive_visit.hpp"

namespace diskpaxos {

class Group {
  public:
    // Without a seat the group can only be looked at: changes, and reads that need one, fail.
    Group(World& world, Roster roster);
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    Task<Result<void>> take_seat(SlotLocks& locks, SeatWish wish, Instant deadline);
    const std::optional<Seat>& seat() const { return seat_; }
    // At the end: gives the seat's locks up when nothing of ours is on its way any more, and the
    // slot is its host's again. False: something still is at the deadline, a write of ours failed
    // and may still land (7.4), or another process writes our slot. Whatever it says, nothing may be done with the group after it.
    Task<bool> leave_seat(SlotLocks& locks, Instant deadline);

    // Lives as long as the group: the lanes of a cell must outlast its visits.
    Cell& cell(std::uint32_t number);

    // This disk of the group was absent until now: all cells use it from their next phase on. Where
    // processes have slots, the lock of ours must be held on it.
    void admit(std::size_t index, Disk& disk);

    // Writes a block of our slot again on a disk that has lost it, from what the others have of it, or
    // from what we know better. True if it is whole now. Only where our slot's lock is held.
    Task<bool> mend(std::size_t disk, std::uint32_t cell, Place place, OwnCopy copy);

    // Nothing is written to this disk any more (retire-F1).
    void lose(std::size_t disk) { fates_[disk].foreign = true; }

    const Roster& roster() const { return roster_; }
    const Geometry& geometry() const { return roster_.common.geometry; }
    const RecordFormat& format() const { return format_; }
    const QuorumRule& rule() const { return rule_; }
    // Whether the keepers of enough disks let us read or change this name.
    bool lets(Right right, std::string_view name) const;
    // Whether the last look at this cell failed because it is not for us to see.
    bool forbidden(Cell& cell) const;
    Error permission(Right right, std::string_view name) const;

    // Enough disks are active for every committed change to be told of by one of them.
    bool tells() const { return rule_.suffices(Purpose::read, roster_.active()); }
    World& world() { return world_; }

    // Why nothing came of an operation, or nobody knows what; where too few disks answered, disk by
    // disk. other_group: for good, as they are another group's.
    Error no_quorum(Cell& cell, Cause why = Cause::disks) const;
    Error unsettled(Cell& cell, Cause why) const;
    Error usurped();  // and from then on the seat is no seat
    Error damaged(std::uint32_t number) const;

  private:
    void watch_writes(SlotLocks& locks);
    std::unique_ptr<Visit> visit(std::size_t disk, std::uint32_t cell);
    Task<bool> mend_unused(std::size_t disk, std::uint32_t cell, const OwnCopy& copy);
    Task<bool> mend_older(std::size_t disk, std::uint32_t cell, Place place, const OwnCopy& copy);
    Place own_place() const { return seat_->slot * geometry().ring + seat_->ring_index; }
    std::string formatted_over(Cell& cell) const;
    bool lost(Cell& cell) const;
    std::string who_answered(Cell& cell) const;

    World& world_;
    Roster roster_;
    Threshold rule_;
    RecordFormat format_;
    Pace pace_;
    std::optional<Seat> seat_;
    bool usurped_ = false;
    Instant lands_until_{};  // a write of ours failed, and may land until then
    std::array<DiskFate, max_disks> fates_;  // by index
    std::map<std::uint32_t, Cell> cells_;
    // Of cells that nobody here has used yet, and where a block is being mended, or was in vain: by cell
    // and disk. A cell takes them over, so that its visits wait for what is under way.
    std::map<std::pair<std::uint32_t, std::size_t>, std::unique_ptr<Visit>> mending_;
    unsigned mends_ = 0;     // under way
};

}  // namespace diskpaxos
