// What `check` and `doctor` say of the ceiling of ranks: agents whose clocks are apart, and who has
// promised more than the ceiling.
#pragma once

#include "cli/doctor.hpp"
#include "cli/open_group.hpp"

namespace diskpaxos::cli {

// Agents more than a minute apart: by name, unix ms. Only who differs from most of them is blamed; of two,
// this host's own clock may tell which one it is.
std::vector<Finding> judge_clocks(const std::vector<std::pair<std::string, std::uint64_t>>& clocks,
                                  std::uint64_t own_ms);

// The lines of `doctor`. Reads no more than the first cells of a large group.
std::vector<Finding> examine_ceilings(OpenGroup& group);

// The lines of `check`, and "above_ceiling" of its JSON. They are no fault: the group works.
void show_ceilings(OpenGroup& group, Output& out, Json& object);

}  // namespace diskpaxos::cli
