// Redundancy: which disks vote for which cells and slots, and what of it is left. Pure.
//
// A disk votes for a cell if its row there can be read whole, be it older than on other disks; for a
// slot, if the slot's claim and owner can be read there, and all its blocks in all rows. So what is
// counted is what the next loss would meet, not how well the disks agree.
#pragma once

#include <cstdint>
#include <vector>

#include "quorum/rule.hpp"

namespace diskpaxos {

struct Redundancy {
    enum class Level : std::uint8_t {
        full,         // every disk votes for all that we may see
        degraded,     // some do not, and each cell and slot still has a majority
        no_majority,  // of some cell or slot
        unseen,       // nothing can be said: too little is for us to see
    };
    struct Votes {
        DiskSet of;      // the disks that vote
        DiskSet unseen;  // those that do not let us see: nothing is said of them
        DiskSet possible() const { return of | unseen; }
    };

    std::size_t disks = 0;
    std::vector<Votes> cells;
    std::vector<Votes> slots;  // empty where nobody needs one

    std::size_t needed() const { return disks / 2 + 1; }
    Level level() const;

    // Of one disk.
    std::uint64_t cells_of(std::size_t disk) const;
    std::uint64_t slots_of(std::size_t disk) const;
    std::uint64_t unseen_of(std::size_t disk) const;  // cells
    bool votes_for_all(std::size_t disk) const;       // that we may see

    // Of all: how many have no more votes than a bare majority, or fewer.
    std::uint64_t bare_cells() const;
    std::uint64_t bare_slots() const;
    std::uint64_t lost_cells() const;
    std::uint64_t lost_slots() const;
    std::uint64_t unseen_cells() const;  // that some disk does not let us see
};

const char* describe(Redundancy::Level level);  // a stable word

}  // namespace diskpaxos
