// Campaigns of wards and colonies on active and mixed disks: what each corpus must have come across
// on the way to its agents and LUNs.
#pragma once

#include <gtest/gtest.h>

#include "sim/draw.hpp"
#include "sim/faults.hpp"
#include "sim/marks.hpp"

namespace diskpaxos::sim {

inline constexpr DiskKinds kinds_with_active_disks[] = {DiskKinds::active, DiskKinds::mixed};

inline const char* option_of(DiskKinds kinds) {
    return kinds == DiskKinds::active ? "--active" : "--mixed";
}

// The weather of mutants on their way to agents and LUNs.
inline void trouble_agents(Faults& faults) {
    faults.commit = microseconds(400);
    faults.repeated = 20;
    faults.cut = 5;
    faults.agent_restart = faults.agent_stop = 1;
}

inline void expect_faults_of_agents(const Marks& marks) {
    for (const Mark mark : {Mark::agent_restarted, Mark::agent_stopped, Mark::state_lost,
                            Mark::connection_cut, Mark::step_late, Mark::step_repeated,
                            Mark::miscompared}) {
        EXPECT_GT(marks[mark], 0U) << "never happened: "
                                   << mark_names[static_cast<std::size_t>(mark)];
    }
}

}  // namespace diskpaxos::sim
