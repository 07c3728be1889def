// The active visit (Chockler & Malkhi, Active Disk Paxos; algorithms.md 3.3): one step at the disk,
// which compares ranks itself. No place of our own, no lane for safety's sake, no quarantine: what
// comes late or twice is harmless there (disk/step.hpp says why). The lane only bounds how much
// may wait for a disk that hangs.
#pragma once

#include "disk/disk.hpp"
#include "disk/lane.hpp"
#include "register/visit.hpp"

namespace diskpaxos {

class ActiveVisit final : public Visit {
  public:
    // A closed one is looked at, but takes no step from us: we have no proposer of our own.
    enum class Access : std::uint8_t { closed, open };

    ActiveVisit(Disk& disk, RowAddress address, Access access = Access::open)
        : disk_(disk), address_(address), access_(access) {}

    Task<Sight> visit(const Own& own) override;
    Task<Sight> look(Proposer aside) override;
    Task<Sight> watch(Rank beyond) override;
    Task<Sight> promise(Proposer me, std::uint64_t seq, Rank rank) override;
    bool judges() const override { return true; }
    bool open() const override { return access_ == Access::open; }
    std::string_view name() const override { return disk_.name(); }

    Lane& lane() { return lane_; }

  private:
    Task<Sight> read(Io::Kind kind, Rank rank);
    Extent block() const { return address_.geometry->row(address_.cell); }

    Disk& disk_;
    RowAddress address_;
    Access access_;
    Lane lane_;
};

}  // namespace diskpaxos
