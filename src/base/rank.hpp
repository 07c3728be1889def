// Rank: the ballot number of Disk Paxos (Gafni & Lamport), the rank of a ranked register
// (Chockler & Malkhi). Totally ordered, and unique to one attempt of one incarnation of one
// writer, so that no rank is ever used for two values (algorithms.md 2.4, F4).
#pragma once

#include <compare>
#include <cstdint>

#include "base/strong.hpp"

namespace diskpaxos {

// The processor of the papers: one incarnation of the user of one slot. The upper 16 bits are
// the slot, the lower 48 are drawn at random when the incarnation starts.
struct Proposer : Strong<Proposer, std::uint64_t> {
    using Strong::Strong;
    static constexpr Proposer of(std::uint16_t slot, std::uint64_t nonce) {
        return Proposer((std::uint64_t{slot} << 48) | (nonce & 0xffff'ffff'ffffULL));
    }
    constexpr std::uint16_t slot() const { return static_cast<std::uint16_t>(value >> 48); }
};

struct Rank {
    std::uint64_t round = 0;  // 0: no rank at all; the first real round is 1
    Proposer proposer;

    auto operator<=>(const Rank&) const = default;
    constexpr bool none() const { return round == 0; }
};

// The lowest rank of `proposer` above `floor`: just above, never far above (algorithms.md 10.2).
constexpr Rank next_rank(Rank floor, Proposer proposer) { return {floor.round + 1, proposer}; }

}  // namespace diskpaxos
