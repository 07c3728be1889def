// Blocks of registers as a group of active disks would write them, for tests of those who guard
// and list them.
#pragma once

#include <string_view>

#include "disk/block.hpp"

namespace diskpaxos::agent {

inline Bytes empty_register(std::uint32_t cell) {
    Bytes out(512);
    encode_initial(out, {.kind = BlockKind::cell, .cell = cell});
    return out;
}

// What a register holds once `rank` has been accepted for this name.
inline Bytes named_register(std::uint32_t cell, std::string_view name, Rank rank,
                            std::uint8_t content = 1) {
    Bytes record(12 + name.size() + 4, static_cast<std::byte>(content));
    record[11] = static_cast<std::byte>(name.size());
    std::ranges::copy(as_bytes(name), record.begin() + 12);
    Bytes out(512);
    encode_block(out, {.kind = BlockKind::cell, .cell = cell},
                 {.incarnation = rank.proposer,
                  .seq = 1,
                  .promised = rank,
                  .accepted = rank,
                  .committed = {},
                  .value = record});
    return out;
}

// A request that promises `rank` and accepts nothing.
inline Bytes promise(std::uint32_t cell, Rank rank) {
    Bytes out(512);
    encode_block(out, {.kind = BlockKind::cell, .cell = cell},
                 {.incarnation = rank.proposer,
                  .seq = 1,
                  .promised = rank,
                  .accepted = {},
                  .committed = {},
                  .value = {}});
    return out;
}

inline Bytes of_kind(BlockKind kind) {
    Bytes out(512);
    seal(out, {.kind = kind}, 0, 100);
    return out;
}

}  // namespace diskpaxos::agent
