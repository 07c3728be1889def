// The passive visit (Gafni & Lamport, Disk Paxos; algorithms.md 2.3): on this disk, write my
// block; after it is durable, read the blocks of all. Whoever wrote second sees the first.
#pragma once

#include "disk/disk.hpp"
#include "disk/lane.hpp"
#include "register/visit.hpp"

namespace diskpaxos {

class PassiveVisit final : public Visit {
  public:
    // `own`: the place of our block, or no_place for one who only looks. `rereads`: how often a
    // row with a bad checksum is read again before it is called damaged (algorithms.md 6.1 O8).
    PassiveVisit(Disk& disk, RowAddress address, Place own, unsigned rereads)
        : disk_(disk), address_(address), own_(own), rereads_(rereads) {}

    Task<Sight> visit(const Own& own) override;
    Task<Sight> look(Place aside) override;
    std::string_view name() const override { return disk_.name(); }

    Lane& lane() { return lane_; }

  private:
    Task<IoPtr> read_then_write(IoPtr io);
    Task<Sight> read_row(IoPtr io, Place aside);
    Failure check_own(const RowSummary& row, const Block& written) const;
    Extent row() const { return address_.geometry->row(address_.cell); }
    Extent own_block() const { return {row().first + own_, 1}; }

    Disk& disk_;
    RowAddress address_;
    Place own_;
    unsigned rereads_;
    Lane lane_;
};

}  // namespace diskpaxos
