// The block of one writer in one register: the paper's {mbal, bal, inp} with what is needed to
// trust it. Kind-specific fields, after those of sealed.hpp:
//
//   40 incarnation u64 · 48 seq u64 · 56 promised (round, proposer) · 72 accepted · 88 committed
//   128 value accepted
#pragma once

#include <cstdint>

#include "base/rank.hpp"
#include "disk/sealed.hpp"

namespace diskpaxos {

struct Block {
    Proposer incarnation;   // who wrote it; zero in an initial block
    std::uint64_t seq = 0;  // +1 for each different content of this incarnation
    Rank promised;          // mbal: the highest rank this writer has started
    Rank accepted;          // bal: the last rank under which it pushed a value
    Rank committed;         // the highest rank it knows to be committed (algorithms.md 4.5)
    ByteView value;         // inp: what it pushed; empty iff accepted is none
};

// A read yields one of three things, never two (algorithms.md 1): unknown is never initial.
enum class BlockState : std::uint8_t { valid, initial, unknown };

struct Decoded {
    BlockState state = BlockState::unknown;
    Damage damage = Damage::none;  // why it is unknown
    Block block;                   // its value points into the decoded bytes
};

constexpr std::size_t value_capacity(std::size_t block_size) { return block_size - header_size; }

void encode_block(ByteSpan out, const BlockAddress& address, const Block& block);
void encode_initial(ByteSpan out, const BlockAddress& address);
Decoded decode_block(ByteView bytes, const BlockAddress& expected);

}  // namespace diskpaxos
