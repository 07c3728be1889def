// The ceiling of ranks as those see it who look at a whole group: what the agents' clocks say, how high
// a healer renews (ceiling-C4), and who has gone above the ceiling where no agent stops him.
#pragma once

#include <optional>
#include <vector>

#include "disk/ceiling.hpp"
#include "group/assemble.hpp"

namespace diskpaxos {

// Of all agents that tell the time, the latest; unix ms.
std::optional<std::uint64_t> latest_clock(const Roster& roster);

// The ceiling of now by that clock; by `now_ms`, our own, where no agent tells the time.
std::uint64_t ceiling_now(const Roster& roster, std::uint64_t now_ms);

// Above which round a damaged register is renewed, besides above all that is in sight.
std::uint64_t renewed_above(std::uint64_t formatted_ms, std::uint64_t clock_ms);

// A block that has promised more than the ceiling: on a passive disk of one writer, on an active one
// the register.
struct Aloft {
    std::size_t disk = 0;
    std::uint32_t cell = 0;
    Place place = no_place;  // of a passive disk
    Rank promised;
    Proposer by;  // who wrote the block last
};

// Looks at the first `cells` cells of all disks.
Task<std::vector<Aloft>> find_aloft(World& world, const Roster& roster, std::uint64_t ceiling,
                                    std::uint32_t cells);

}  // namespace diskpaxos
