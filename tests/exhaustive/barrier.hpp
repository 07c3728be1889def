// The other order of writes and reads (algorithms.md 6.2), on the real Register: hold until W disks
// have the block, then read any disks, whether they have it or not. Ours is not this one; it is
// here because the condition under which it is right is worth knowing, and because without
// the holding it is the classical error "wrote a majority, read a majority" (2.6 row 2g).
#pragma once

#include <memory>
#include <vector>

#include "async/scope.hpp"
#include "cluster.hpp"
#include "disk/lane.hpp"
#include "hash.hpp"
#include "quorum/rule.hpp"
#include "register/visit.hpp"

namespace diskpaxos::exhaustive {

// What the visits of one process share: which disks hold its newest block.
class BarrierLine {
  public:
    BarrierLine(RunQueue& queue, const Barrier& barrier)
        : barrier_(barrier), frames_(std::make_unique<Scope>(queue)) {}

    void die() { frames_.reset(); }  // before the visits go, whose lanes the writes hold
    bool held() const { return barrier_.held; }
    std::unique_ptr<Visit> make_visit(Disk& disk, const RowAddress& address, Place own,
                                      std::vector<Lane*>& lanes);
    void add(Hasher& hasher, std::size_t disk) const {
        hasher.add(written_.contains(disk) ? 1 : 0);
    }

  private:
    friend class BarrierVisit;
    void begin(const Own& own);  // once per visit; the first of a phase starts anew
    void written(std::uint64_t seq, std::size_t disk);

    const Barrier& barrier_;
    std::uint64_t seq_ = 0;
    std::size_t enough_ = 0;
    DiskSet written_;
    Event open_;
    std::unique_ptr<Scope> frames_;
};

}  // namespace diskpaxos::exhaustive
