// Which colony a seed stands for; as sim/swarm.hpp, for groups.
#pragma once

#include "sim/colony.hpp"

namespace diskpaxos::sim {

ColonySetup draw_colony(std::uint64_t seed, DiskKinds kinds = DiskKinds::passive);

struct ColonyOutcome {
    std::string violation;  // empty: all is well
    std::uint64_t hash = 0;
    std::uint64_t steps = 0;
    std::array<std::uint64_t, colony_mark_names.size()> marks{};
    Marks on_the_way{};  // to active disks
};

ColonyOutcome simulate_colony(std::uint64_t seed, const ColonySetup& setup, bool verbose = false);

}  // namespace diskpaxos::sim
