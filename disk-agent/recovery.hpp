// What a store held when it was last written to: its home blocks, and what its journal adds.
#pragma once

#include <vector>

#include "async/task.hpp"
#include "disk-agent/layout.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::agent {

struct Recovered {
    StoreHeader header;
    bool headers_differ = false;          // one copy is damaged or older; the better one was taken
    Bytes images;                         // of all blocks, in whole units
    std::vector<std::uint64_t> replayed;  // blocks that the journal has changed, maybe repeatedly
    std::uint64_t batches = 0;            // that were replayed
    std::uint64_t head = 0;               // where the next batch goes, counted as `tail` is
    Lsn next = 1;                         // and its number
};

// Reads only. A store whose journal has a hole is refused: what was acknowledged may be in it.
Task<Result<Recovered>> recover(Disk& file);

// Makes an empty store of the whole file. Whatever was there is lost; it is a store only once this
// has succeeded.
Task<Result<void>> create(Disk& file, StoreHeader header);

}  // namespace diskpaxos::agent
