// Row: the blocks of all writers of one register on one disk, fetched by one read, and what they
// say together. Pure. Reads of different blocks of a row need not be atomic (algorithms.md 6.1 O4).
// What lies behind closed doors need not be fetched (disk/door.hpp).
#pragma once

#include <cstddef>
#include <optional>

#include "disk/block.hpp"
#include "disk/door.hpp"
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
    BlockAddress door(std::uint32_t tier) const {
        return {group, disk, BlockKind::door, cell, static_cast<std::uint16_t>(tier), 0};
    }
};

// The block at `offset` of a row, as nobody has used it yet: a closed door, or an initial block.
void encode_unused(ByteSpan out, const RowAddress& address, std::uint32_t offset);

struct RowSummary {
    Damage damage = Damage::none;   // of the first unknown block; none: the row is whole
    Place damaged = no_place;
    Rank promised;                  // highest promise of a writer other than `aside`
    Rank highest;                   // highest promise of all, `aside` included
    Rank accepted;                  // highest accepted rank of all, and its value
    ByteView value;
    Rank committed;                 // highest commit mark of all
    Decoded own;                    // the block at `own`; unknown if there is none
    std::uint32_t closed = 0;       // bit t: the door of tier t is closed
    std::uint32_t open = 0;         // bit t: it is open
    bool stranger = false;          // a block here looks like one of another group

    bool whole() const { return damage == Damage::none; }
};

// `row`: all of it, or its first part, which ends with a tier. What is behind it does not count, so
// the doors there must be closed: reach_of() the summary may not be above that tier.
// `own`: whose block to hand out apart. `aside`: whose promise does not count in `promised`. An
// incarnation, not a place: its successor in the same place is another, who may have begun without
// knowing what it left.
RowSummary summarise(ByteView row, const RowAddress& address, Place own, Proposer aside);

// The highest tier whose door is not known to be closed: somebody may have written there.
std::uint32_t reach_of(const RowSummary& row, const Geometry& geometry);

inline constexpr Proposer nobody{};

}  // namespace diskpaxos
