// Row: the blocks of all writers of one register on one disk, fetched by one read, and what they
// say together. Pure. Reads of different blocks of a row need not be atomic (algorithms.md 6.1 O4).
#pragma once

#include <cstddef>
#include <optional>

#include "disk/block.hpp"
#include "disk/geometry.hpp"

namespace diskpaxos {

// A writer's place in a row: slot × ring + ring index. Every place is a process of its own to
// those who read it (algorithms.md 7.2).
using Place = std::uint32_t;
inline constexpr Place no_place = ~Place{0};

struct RowAddress {
    Uuid group{};
    std::uint64_t disk = 0;
    std::uint32_t cell = 0;
    const Geometry* geometry = nullptr;

    BlockAddress block(Place place) const {
        return {group, disk, BlockKind::cell, cell,
                static_cast<std::uint16_t>(place / geometry->ring),
                static_cast<std::uint8_t>(place % geometry->ring)};
    }
};

struct RowSummary {
    Damage damage = Damage::none;   // of the first unknown block; none: the row is whole
    Place damaged = no_place;
    Rank promised;                  // highest promise of a writer other than `aside`
    Rank highest;                   // highest promise of all, `aside` included
    Rank accepted;                  // highest accepted rank of all, and its value
    ByteView value;
    Rank committed;                 // highest commit mark of all
    Decoded own;                    // the block at `own`; unknown if there is none

    bool whole() const { return damage == Damage::none; }
};

// `own`: whose block to hand out apart. `aside`: whose promise does not count in `promised`. An
// incarnation, not a place: its successor in the same place is another, who may have begun without
// knowing what it left.
RowSummary summarise(ByteView row, const RowAddress& address, Place own, Proposer aside);

inline constexpr Proposer nobody{};

}  // namespace diskpaxos
