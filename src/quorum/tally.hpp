// Tally: what the disks of one phase have said so far, and what follows from it. Pure: no I/O,
// no time. A disk is counted only if its write and its whole read were done in this phase
// (algorithms.md 6.1 O3); one on which a higher promise stands drops out of the phase instead of
// ending it (2.3). Silence is neither.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/rank.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos {

enum class Decision : std::uint8_t { pending, won, lost };

class Tally {
  public:
    // `needs`: what the counted disks must suffice for, all of it at once.
    void start(const QuorumRule& rule, Purposes needs) {
        rule_ = &rule;
        needs_ = needs;
        counted_ = refused_ = failed_ = DiskSet();
        beaten_by_ = Rank();
    }
    void count(std::size_t disk) { counted_.insert(disk); }
    void refuse(std::size_t disk, Rank by) {
        refused_.insert(disk);
        beaten_by_ = std::max(beaten_by_, by);
    }
    void fail(std::size_t disk) { failed_.insert(disk); }

    Decision decision() const;
    DiskSet counted() const { return counted_; }
    DiskSet refused() const { return refused_; }
    DiskSet failed() const { return failed_; }
    Rank beaten_by() const { return beaten_by_; }  // the highest promise that refused us; may be none

  private:
    const QuorumRule* rule_ = nullptr;
    Purposes needs_;
    DiskSet counted_, refused_, failed_;
    Rank beaten_by_;
};

}  // namespace diskpaxos
