// What every block begins with, whatever its kind, and how it is sealed. docs/format.md has the
// grammar. Offsets in bytes, little-endian:
//
//   0  magic u32 · 4 kind u8 · 5 flags u8 · 6 length u16 · 8 group[16] · 24 disk u64
//   32 cell u32 · 36 slot u16 · 38 ring u8 · 39 zero
//   …  40 to 103 belong to the kind …
//   104 authenticator[16] (room for a MAC; zero today) · 120 epoch u32 · 124 crc32c u32
//   128 body
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace diskpaxos {

using Uuid = std::array<std::byte, 16>;

enum class BlockKind : std::uint8_t { superblock = 1, claim = 2, owner = 3, cell = 4, door = 5 };

// Where a block belongs. A block that says otherwise is misdirected or foreign: unknown.
struct BlockAddress {
    Uuid group{};
    std::uint64_t disk = 0;  // first eight bytes of the disk's own UUID
    BlockKind kind = BlockKind::cell;
    std::uint32_t cell = 0;
    std::uint16_t slot = 0;
    std::uint8_t ring = 0;

    bool operator==(const BlockAddress&) const = default;
};

// Retired: of a superblock whose group was formatted over.
enum class Damage : std::uint8_t {
    none, blank, checksum, foreign, misplaced, newer, no_room, retired
};
inline constexpr std::size_t kinds_of_damage = 8;
const char* describe(Damage damage);

inline constexpr std::uint32_t block_magic = 0x42507844;  // "DxPB"
inline constexpr std::size_t header_size = 128;
inline constexpr std::uint8_t flag_initial = 1;  // written by format: no writer has been here yet

// Fills in the common fields and the checksum of a block whose own fields and body are in place;
// `length` is the length of the body.
void seal(ByteSpan block, const BlockAddress& address, std::uint8_t flags, std::size_t length);

// Checks the seal: the checksum first, then that the block is the one we asked for.
Damage inspect(ByteView block, const BlockAddress& expected);
Damage inspect_checksum(ByteView block);  // the first half: blank, checksum or none

BlockAddress address_of(ByteView block);
// Whether it looks like the block of another group, be it sound or not: where blocks have another
// size than ours, no checksum can tell.
bool names_another_group(ByteView block, const Uuid& group);
inline std::uint8_t flags_of(ByteView block) { return load<std::uint8_t>(block, 5); }
ByteView body_of(ByteView block);  // of a block that passed inspect()

}  // namespace diskpaxos
