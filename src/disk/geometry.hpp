// Where things are on a disk, in blocks; the same on every disk of a group, but that rows have one
// block on active disks. docs/format.md draws it.
//
//   0                 superblock, first copy          (4096 bytes are set aside for it)
//   slot_table        two blocks per slot: claim, owner
//   cells             one row per cell: its doors, then slots × ring blocks, so that one read fetches
//                     all that are in use; on an active disk one block, the register
//   last              superblock, second copy         (the last 4096 bytes)
//
// Slots lie in tiers: 0 to `tier`-1 in the first, and each further tier as many as all before it.
// A row has one door for each tier but the first (disk/door.hpp): as long as it is closed, nobody
// has written behind it in this row, and nobody needs to read there.
#pragma once

#include <bit>
#include <cstdint>

#include "disk/disk.hpp"

namespace diskpaxos {

struct Geometry {
    std::uint32_t block_size = 512;
    std::uint32_t slots = 32;
    std::uint32_t ring = 2;  // blocks per slot and cell (algorithms.md 7.5, G2)
    std::uint32_t cells = 256;
    bool active = false;  // this disk; the others of its group may be of the other kind
    std::uint32_t tier = 0;  // slots of the first tier; 0: there is one tier only
    bool roomy = false;  // a lineage takes what room a value leaves (consensus/record.hpp)

    bool operator==(const Geometry&) const = default;

    std::uint64_t superblock_first() const { return 0; }
    std::uint64_t superblock_last() const { return blocks() - margin(); }
    std::uint64_t claim_block(std::uint32_t slot) const { return margin() + 2 * slot; }
    std::uint64_t owner_block(std::uint32_t slot) const { return margin() + 2 * slot + 1; }
    Extent slot_table() const { return {margin(), 2 * std::uint64_t{slots}}; }
    Extent row(std::uint32_t cell) const {
        return {cells_begin() + cell * std::uint64_t{row_blocks()}, row_blocks()};
    }
    std::uint64_t block(std::uint32_t cell, std::uint32_t place) const {
        return row(cell).first + doors() + place;
    }
    std::uint64_t block(std::uint32_t cell, std::uint32_t slot, std::uint32_t ring_index) const {
        return block(cell, slot * ring + ring_index);
    }
    std::uint32_t row_blocks() const { return doors() + places(); }
    std::uint32_t places() const { return active ? 1 : slots * ring; }  // a writer has one

    std::uint32_t doors() const { return tier_of(slots - 1); }  // the first blocks of a row
    std::uint64_t door(std::uint32_t cell, std::uint32_t of) const { return row(cell).first + of - 1; }
    std::uint32_t tier_of(std::uint32_t slot) const {
        return active || tier == 0 ? 0 : static_cast<std::uint32_t>(std::bit_width(slot / tier));
    }
    std::uint32_t tier_end(std::uint32_t number) const {  // the first slot behind that tier
        return number < doors() ? tier << number : slots;
    }
    // The part of the row that a reader needs who knows that all doors above that tier are closed.
    Extent reach(std::uint32_t cell, std::uint32_t number) const {
        return {row(cell).first, active ? 1 : doors() + tier_end(number) * ring};
    }
    std::uint64_t cells_begin() const { return round_up(margin() + 2 * std::uint64_t{slots}); }
    std::uint64_t blocks() const {
        return round_up(cells_begin() + std::uint64_t{cells} * row_blocks()) + margin();
    }
    std::uint64_t bytes() const { return blocks() * block_size; }

    // The limits that `format` accepts; 0 if all is well, else the sentence.
    const char* objection() const;

  private:
    std::uint64_t margin() const { return 4096 / block_size; }
    std::uint64_t round_up(std::uint64_t n) const { return (n + margin() - 1) / margin() * margin(); }
};

// What kinds of disks a group is made of. Only where all are active need nobody be known.
enum class DiskKinds : std::uint8_t { passive, mixed, active };

// As format makes it for a group of such disks. Larger blocks have room for a long lineage anyway.
constexpr Geometry formatted(Geometry geometry, DiskKinds kinds) {
    geometry.roomy = kinds == DiskKinds::active && geometry.block_size == 512;
    return geometry;
}

inline constexpr std::uint32_t max_slots = 128;
inline constexpr std::uint32_t usual_tier = 8;
// What format gives rows of so many slots.
constexpr std::uint32_t first_tier(std::uint32_t slots) { return slots > usual_tier ? usual_tier : 0; }
inline constexpr std::uint32_t max_ring = 4;
inline constexpr std::uint32_t max_cells = 1U << 20;
inline constexpr std::uint32_t max_disks = 15;

}  // namespace diskpaxos
