// Climb: how high each disk of a register stands and how high it lets us go, as far as we have been
// told, and what follows from it (docs/protocol.md, ceiling-C3 and ceiling-C5). Pure.
//
// An agent that has answered *above the ceiling* is behind the others. Going higher would never be the
// answer: what one disk lets in then bars us at all the others. Either those that are left without the
// one that stands highest suffice, and we begin above them; or the one that is behind is walked up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "async/timer.hpp"
#include "base/mutant.hpp"
#include "base/rank.hpp"
#include "disk/ceiling.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos {

class Climb {
  public:
    // A limit rises with time: after so long we would rather be told anew than believe it.
    static constexpr Duration believed = std::chrono::seconds(1);

    struct Way {
        bool found = false;
        Rank above;    // begin above it
        DiskSet walk;  // but walk these up first, to where they let us begin
    };

    explicit Climb(std::size_t disks) : stands_(disks) {}

    // The highest rank seen anywhere, ours included.
    Rank highest() const { return highest_; }
    void saw(Rank rank) { highest_ = std::max(highest_, rank); }
    // From now on above that round, whatever disks tell us: who lifts has a reason (ceiling-C4).
    void lift(std::uint64_t round) { least_ = highest_ = {round, Proposer()}; }

    // `disk` has promised this much, at least.
    void stands(std::size_t disk, Rank promised) {
        saw(promised);
        stands_[disk].promised = std::max(stands_[disk].promised, promised);
    }
    // By its answer to a step it stands there, and no higher, whatever it has said before. A disk
    // may lose what stood there. A walk from the old promise would only ask for what it lets nobody
    // have.
    void shows(std::size_t disk, Rank promised) {
        if (mutated(Mutant::walked_from_the_past)) return stands(disk, promised);
        saw(promised);
        stands_[disk].promised = promised;
    }
    // It lets nobody like us in above that round, and `promised` stands there, at least.
    void barred(std::size_t disk, Rank promised, std::uint64_t limit, Instant now);
    std::uint64_t limit(std::size_t disk) const;

    // Whether we know beforehand that `disk` refuses a step at `rank` that promises `promise`: it
    // stands higher, or lets us in no higher. Where no limit is known we begin above all, and every
    // refusal is news.
    bool foresees(std::size_t disk, Rank rank, Rank promise) const {
        return limited_ && (stands_[disk].promised > rank || limit(disk) < promise.round);
    }

    bool is_barred() const { return barred_; }    // some disk was, since begin()
    bool is_limited() const { return limited_; }  // some limit is known
    void begin() { barred_ = false; }

    // We have written at a rank and promised this one: never begin below it.
    void keep_above(Rank rank) { least_ = std::max(least_, rank); }
    Rank least() const { return least_; }

    // Where to begin, without the disks in `silent`, and not below `least`.
    Way way(const QuorumRule& rule, DiskSet silent, Rank least, Instant now);

    // Whether `disk` lets us begin above that rank: two rounds, since one may not be nameable.
    bool admits(std::size_t disk, Rank above) const { return limit(disk) >= above.round + 2; }

  private:
    struct Stand {
        Rank promised;
        std::uint64_t limit = no_ceiling;  // as it was told
    };
    bool reaches(std::size_t disk, Rank above) const { return stands_[disk].promised <= above; }
    DiskSet admitted(DiskSet silent, Rank above) const;
    Way climb_to(const QuorumRule& rule, DiskSet silent, Rank above, std::uint64_t& rounds) const;

    std::vector<Stand> stands_;
    Rank highest_;
    Rank least_;
    Instant told_at_{};  // when a disk last told its limit
    bool limited_ = false;
    bool barred_ = false;
};

}  // namespace diskpaxos
