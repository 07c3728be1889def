// Superblock: whose disk this is. One at each end of every disk of a group, written by `format`
// and never changed but to heal it. Body, after the fields of sealed.hpp (its `cell` is the copy,
// its `slot` the disk's index); docs/format.md has a worked example:
//
//   0 major u16 · 2 minor u16 · 4 compatible u32 · 8 read-only compatible u32 · 12 incompatible u32
//   16 disk UUID · 32 index u16 · 34 disks u16 · 36 block size u32 · 40 slots u32 · 44 ring u32
//   48 cells u32 · 52 TTL in ms u32 · 56 epoch u64 · 64 formatted at, unix ms u64
//   72 name length u8 · 73 name[63] · 136 UUIDs of all disks, in order of their index
//   then, if `incompatible` has the bit incompatible_active: u32, bit i: disk i is active
//   then, if it has the bit incompatible_tiers: u32 slots of the first tier
// The bit incompatible_roomy has no word.
//
// A superblock with the bit incompatible_retired says that `format` has taken the disk from this
// group. From 136 on it has instead: u64 when, unix ms · 144 u32 how long to wait, ms · 148 length
// u8 and 149 name[63] of the host that did it. The other bits then tell of no words; whether the
// group was roomy, the same bit among the compatible ones says.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "disk/geometry.hpp"
#include "disk/sealed.hpp"

namespace diskpaxos {

inline constexpr std::uint16_t format_major = 1;
inline constexpr std::uint16_t format_minor = 4;
inline constexpr std::uint32_t incompatible_active = 1;  // some disk of the group is active
inline constexpr std::uint32_t incompatible_tiers = 2;   // rows have doors
inline constexpr std::uint32_t incompatible_retired = 4; // formatted over: of no group any more
inline constexpr std::uint32_t incompatible_roomy = 8;   // a lineage takes what room a value leaves
inline constexpr std::size_t superblock_area = 4096;  // bytes set aside for each copy
inline constexpr std::size_t max_group_name = 63;

struct Superblock {
    Uuid group{};
    std::string name;
    std::vector<Uuid> disks;  // the members, by index
    std::uint16_t index = 0;  // which of them this disk is
    Geometry geometry;        // its `active` is that of the disk with this index
    std::uint32_t active = 0; // bit i: disk i is active
    std::uint32_t ttl_ms = 10'000;
    std::uint64_t epoch = 0;
    std::uint64_t formatted_ms = 0;  // unix time

    bool is_active(std::size_t disk) const { return (active >> disk & 1) != 0; }
    DiskKinds kinds() const {
        if (active == 0) return DiskKinds::passive;
        return active == (1U << disks.size()) - 1 ? DiskKinds::active : DiskKinds::mixed;
    }
    Geometry geometry_of(std::size_t disk) const;
    std::uint16_t minor() const;  // the oldest minor version that knows all that is in use

    // UUIDs, kinds, geometry, TTL and epoch: what the disks of one group must agree on.
    bool same_group(const Superblock& other) const;
    std::uint64_t disk_tag() const { return tag(disks[index]); }
    static std::uint64_t tag(const Uuid& disk) { return load<std::uint64_t>(disk, 0); }
};

// `out` is one block of geometry.block_size bytes; `copy` is 0 at the front, 1 at the end.
void encode_superblock(ByteSpan out, const Superblock& superblock, std::uint32_t copy);

// From the area at either end of a disk. Damage::newer: a format that this program must not touch.
// Damage::retired: see decode_retired().
std::expected<Superblock, Damage> decode_superblock(ByteView area, std::uint32_t copy);

// What is left of the superblock of a group that was formatted over, until its successor has one.
struct Retired {
    Uuid group{};
    Uuid disk{};
    std::string name;  // of the group
    std::uint64_t at_ms = 0;  // unix time, for people
    // So long after all was overwritten may writes of the group still land. 0: nobody was in it.
    std::uint32_t wait_ms = 0;
    std::string host_name;
    bool first = false;  // no group was there before: this one was begun, and not finished

    bool operator==(const Retired&) const = default;
};

// For the disk that `group` is the superblock of. Programs that know no such thing take it for a
// newer format, and refuse the disk.
void encode_retired(ByteSpan out, const Superblock& group, const Retired& retired,
                    std::uint32_t copy);
std::optional<Retired> decode_retired(ByteView area, std::uint32_t copy);
// What a retired one still tells of the superblock before it. Not the UUIDs of other disks, which are zeros
// here, not which are active, nor whether rows have doors: here they have those that `format` gives them.
std::optional<Superblock> superblock_before(ByteView area, std::uint32_t copy);

}  // namespace diskpaxos
