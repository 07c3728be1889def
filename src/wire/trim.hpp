// Trimmed blocks: what goes over the wire of a block, without the zeroes after its body.
#pragma once

#include "base/bytes.hpp"

namespace diskpaxos::wire {

// The beginning of `block` that says it all: header and body if nothing but zeroes follow, else
// the whole of it, sound or not.
ByteView trimmed(ByteView block);

// Fills `block` in again. False: these are no block of that size, trimmed or whole.
bool untrim(ByteView sent, ByteSpan block);
bool may_untrim(ByteView sent, std::size_t block_size);

}  // namespace diskpaxos::wire
