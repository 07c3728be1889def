// The file of a store: where things are in it, and its header. docs/agent-store.md draws it.
//
//   unit 0      header, copy 0
//   1 …         home: the blocks, one after the other
//   …           journal: a ring of batches
//   last unit   header, copy 1
//
// A unit has 4096 bytes. All I/O is in whole units, so that nothing of ours shares a physical
// sector with what was written at another time. A write of one unit may be torn, but only between
// its 512-byte sectors, each of which is old or new.
#pragma once

#include <cstdint>
#include <expected>

#include "base/bytes.hpp"
#include "disk/disk.hpp"
#include "disk/sealed.hpp"

namespace diskpaxos::agent {

using Lsn = std::uint64_t;  // number of a batch in the journal; the first is 1

inline constexpr std::size_t unit_size = 4096;
inline constexpr std::uint64_t default_blocks = 32768;
inline constexpr std::uint64_t most_blocks = std::uint64_t{1} << 24;
inline constexpr std::uint64_t default_journal_units = 4096;  // 16 MiB
inline constexpr std::uint64_t least_journal_units = 16;
inline constexpr std::uint64_t most_journal_units = std::uint64_t{1} << 16;

// Whoever serves or makes the store holds the lock of this slot, as processes of a group on a
// passive disk do: so neither `format` nor a second agent touches it.
inline constexpr std::uint32_t store_lock = 0;

// Fits into one sector:
//
//   0 magic u64 "DxPStore" · 8 major u16 · 10 minor u16 · 12 block size u32 · 16 blocks u64
//   24 journal u64, in units · 32 UUID[16] · 48 tag u64 · 56 created u64, unix ms
//   64 generation u64 · 72 tail u64 · 80 lsn u64 · 508 crc32c u32 over the 512 bytes
struct StoreHeader {
    static constexpr std::uint16_t major = 1;

    std::uint32_t block_size = 512;
    std::uint64_t blocks = default_blocks;
    std::uint64_t journal_units = default_journal_units;
    Uuid uuid{};
    std::uint64_t tag = 0;  // in every batch, and told to nobody: no client can forge one
    std::uint64_t created_ms = 0;
    std::uint64_t generation = 0;  // +1 each time the tail moves
    std::uint64_t tail = 0;        // units written to the journal before the first batch of it …
    Lsn lsn = 1;                   // … that is not in the home blocks yet, and its number

    bool operator==(const StoreHeader&) const = default;

    std::uint64_t home_units() const { return (blocks * block_size + unit_size - 1) / unit_size; }
    Extent home() const { return {1, home_units()}; }
    Extent journal() const { return {1 + home_units(), journal_units}; }
    std::uint64_t second_header() const { return 1 + home_units() + journal_units; }
    std::uint64_t units() const { return second_header() + 1; }

    // The largest batch, in units: four of them fit into the journal.
    std::uint64_t most_batch_units() const;
    // And how many blocks it can always carry.
    std::size_t most_batch_blocks() const;

    bool sensible() const;
};

void encode_header(ByteSpan unit, const StoreHeader& header);

enum class HeaderFlaw : std::uint8_t { absent, checksum, newer, nonsense };
std::expected<StoreHeader, HeaderFlaw> decode_header(ByteView unit);

}  // namespace diskpaxos::agent
