// The passive visit (Gafni & Lamport, Disk Paxos; algorithms.md 2.3): on this disk, write my
// block; after it is durable, read the blocks of all. Whoever wrote second sees the first.
#pragma once

#include <functional>

#include "async/clock.hpp"
#include "disk/disk.hpp"
#include "disk/lane.hpp"
#include "register/visit.hpp"

namespace diskpaxos {

// How long a disk is left alone after a write to it has failed: the write may still happen, and
// would then undo a newer one (algorithms.md 7.4). Without a clock: for good.
struct Quarantine {
    Clock* clock = nullptr;
    Duration time{};
};

// What a process knows of one disk, in all its visits there.
struct DiskFate {
    // Another group's: `format` has taken it. Nothing is written there any more, for good.
    bool foreign = false;
    // Called when a write of a block of ours has failed there.
    std::function<void()> failed;
};

class PassiveVisit final : public Visit {
  public:
    // A closed disk is looked at but not written: a write of the one who had our slot before us may
    // be on its way there. For the same reason it does not count in phase 0 (algorithms.md 7.1).
    enum class Access : std::uint8_t { closed, open };

    // `own`: the place of our block, or no_place for one who only looks. `rereads`: how often a
    // row with a bad checksum is read again before it is called damaged (algorithms.md 6.1 O8).
    // `fate`: shared with the visits to other cells of this disk; it outlives them.
    PassiveVisit(Disk& disk, RowAddress address, Place own, unsigned rereads,
                 Quarantine quarantine = {}, Access access = Access::open,
                 DiskFate* fate = nullptr)
        : disk_(disk),
          address_(address),
          own_(own),
          access_(access),
          rereads_(rereads),
          quarantine_(quarantine),
          fate_(fate == nullptr ? own_fate_ : *fate),
          reach_(own_tier()),
          inside_(own_tier() == 0) {}

    Task<Sight> visit(const Own& own) override;
    Task<bool> mend(const OwnCopy& copy) override;
    Task<Sight> look(Proposer aside) override;
    bool open() const override { return own_ != no_place && access_ == Access::open; }
    std::string_view name() const override { return disk_.name(); }

    Lane& lane() { return lane_; }

  private:
    Task<Sight> read_row(IoPtr io, Proposer aside);
    Task<void> learn_fate();
    bool foreign() const;
    bool shut() const;
    void shut_after_failed_write();
    Failure check_own(const RowSummary& row, const Block& written, Proposer before) const;
    Task<int> open_door();
    Task<bool> write_copy(const OwnCopy& copy);
    void note_doors(const RowSummary& row);
    const Geometry& geometry() const { return *address_.geometry; }
    Extent row() const { return geometry().reach(address_.cell, reach_); }
    Extent own_block() const { return {geometry().block(address_.cell, own_), 1}; }
    std::uint32_t own_tier() const {
        return own_ == no_place ? 0 : geometry().tier_of(own_ / geometry().ring);
    }

    Disk& disk_;
    RowAddress address_;
    Place own_;
    Access access_;
    unsigned rereads_;
    Lane lane_;
    Lane looks_;
    Quarantine quarantine_;
    DiskFate own_fate_;
    DiskFate& fate_;
    bool shut_ = false;       // a write of ours has failed, and may still happen
    Instant shut_until_{};
    bool wrote_ = false;      // we have submitted a write
    std::uint32_t reach_;     // up to this tier rows are read: no one seen so far has written above
    bool inside_;             // the door to our own block is open on this disk
    Proposer predecessor_;    // who had used our block on this disk before
};

}  // namespace diskpaxos
