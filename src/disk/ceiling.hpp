// The ceiling of ranks: how high a client may raise a register of an active disk. Pure; agents, the
// simulator and the tests share it. docs/protocol.md has the rules, ceiling-C1 to ceiling-C6.
//
// A rank is a promise to refuse all lower ones. Without a ceiling one step could promise the highest
// there is, and nobody could use that register again.
#pragma once

#include <algorithm>
#include <cstdint>

namespace diskpaxos {

// Faster than anybody can use ranks up: an attempt takes one round, and a disk takes fewer steps.
inline constexpr std::uint64_t rounds_a_second = std::uint64_t{1} << 17;
inline constexpr std::uint64_t first_seconds = 86'400;  // a day of them from the beginning
inline constexpr std::uint64_t rung = 64;  // rounds above what stands, whatever the time

// ceiling-C6: a promise above it leaves less than 2^40 rounds of room. It is damage: nobody who keeps
// to the protocol begins above last_round, and from there it takes 2^40 attempts to come so far.
inline constexpr std::uint64_t last_promise = ~std::uint64_t{0} - (std::uint64_t{1} << 40);
inline constexpr std::uint64_t last_round = ~std::uint64_t{0} - (std::uint64_t{1} << 41);

inline constexpr std::uint64_t no_ceiling = ~std::uint64_t{0};

// ceiling-C1, the part that rises with time. Both in unix ms. A disk on which no superblock can be
// read has been formatted at 0: its ceiling is above that of every group there may be.
constexpr std::uint64_t ceiling(std::uint64_t formatted_ms, std::uint64_t now_ms) {
    const std::uint64_t since = now_ms > formatted_ms ? (now_ms - formatted_ms) / 1000 : 0;
    const std::uint64_t seconds = since + first_seconds;
    return seconds >= last_round / rounds_a_second ? last_round : seconds * rounds_a_second;
}

// And the part that rises with what stands there. The highest round that is let in.
constexpr std::uint64_t limit_above(std::uint64_t standing, std::uint64_t ceiling) {
    if (ceiling == no_ceiling) return no_ceiling;
    return std::min(last_promise, std::max(ceiling, standing + rung));
}

}  // namespace diskpaxos
