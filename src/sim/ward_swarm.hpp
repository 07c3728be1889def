// Which ward a seed stands for; as sim/swarm.hpp, for sessions and locks. One seed in four is
// beyond the bound on clocks: exclusion may break there, tokens must not.
#pragma once

#include "sim/ward.hpp"

namespace diskpaxos::sim {

WardSetup draw_ward(std::uint64_t seed, DiskKinds kinds = DiskKinds::passive);

struct WardOutcome {
    std::string violation;  // empty: all is well
    std::uint64_t hash = 0;
    std::uint64_t steps = 0;
    std::array<std::uint64_t, ward_mark_names.size()> marks{};
    Marks on_the_way{};  // to active disks
};

WardOutcome simulate_ward(std::uint64_t seed, const WardSetup& setup, bool verbose = false);

}  // namespace diskpaxos::sim
