// What a block can say, apart from where it stands: one number for each content, so that a disk is
// a handful of small numbers. Real bytes are made from it whenever the real code reads a block, and
// taken apart (seal, address and all) whenever it writes one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "disk/block.hpp"
#include "disk/step.hpp"
#include "hash.hpp"

namespace diskpaxos::exhaustive {

using Content = std::uint16_t;
inline constexpr Content initial = 0;  // as format wrote it
inline constexpr Content unknown = 1;  // damaged: whatever stood here is gone

class Contents {
  public:
    Content intern(ByteView bytes, const BlockAddress& address);
    void encode(ByteSpan out, const BlockAddress& address, Content content) const;
    const Block& block(Content content) const { return kept_[content].block; }
    // What an active disk makes of a request, by the real step(): the verdict, and what stands
    // there afterwards. `request` was written by ActiveVisit.
    struct Executed {
        StepVerdict verdict{};
        Content after = 0;
    };
    Executed execute(Content present, Content request);
    Rank rank_of(Content request) const;  // of the phase that it belongs to
    bool written(Content content) const { return content > unknown; }
    Digest digest(Content content) const { return kept_[content].digest; }
    std::size_t size() const { return kept_.size(); }

  private:
    struct Kept {
        Block block;
        Bytes value;  // what block.value points to
        Digest digest;
    };
    std::deque<Kept> kept_{{}, {}};
    std::unordered_map<Digest, Content, DigestHash> numbers_;
    std::unordered_map<std::uint32_t, Executed> executed_;
};

Hasher& add(Hasher& hasher, const Rank& rank);
Hasher& add(Hasher& hasher, ByteView bytes);

}  // namespace diskpaxos::exhaustive
