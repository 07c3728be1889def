// Batches: what the journal consists of. One batch is one commit, whatever it carries: all of it
// happened, or nothing did.
//
//   0 magic u32 "DxPJ" · 4 crc32c u32, over all units with this field taken as zero · 8 tag u64
//   16 lsn u64 · 24 bytes u32, head and entries · 28 entries u32 · 32 entries, then zeroes
//
// entry := 0 block u64 · 8 size u32 · 12 zero u32 · 16 the block's new image, trimmed
// (wire/trim.hpp)
//
// A batch lies in one piece; one that does not fit before the end of the ring lies at its
// beginning.
#pragma once

#include <functional>
#include <optional>

#include "disk-agent/layout.hpp"

namespace diskpaxos::agent {

inline constexpr std::size_t batch_head = 32;
inline constexpr std::size_t entry_head = 16;

// Composes a batch: begin, one add per block, end, which fills it up to whole units and seals it.
class BatchWriter {
  public:
    explicit BatchWriter(Bytes& out) : out_(out) { out_.assign(batch_head, std::byte{0}); }
    void add(std::uint64_t block, ByteView image);
    void end(std::uint64_t tag, Lsn lsn);

  private:
    Bytes& out_;
    std::uint32_t entries_ = 0;
};

struct Batch {
    Lsn lsn = 0;
    std::uint64_t units = 0;
    std::uint32_t entries = 0;
    ByteView body;
};

// The batch that `bytes` begin with, if it is one of this store and nothing about it is wrong.
std::optional<Batch> decode_batch(ByteView bytes, const StoreHeader& header);

// Calls `visit` with the number of each block and its image as it was added.
void for_each_entry(const Batch& batch, const std::function<void(std::uint64_t, ByteView)>& visit);

}  // namespace diskpaxos::agent
