// The lines of `doctor`.
#pragma once

#include <string>
#include <vector>

#include "cli/invocation.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

enum class Health : std::uint8_t { ok, warn, fail };

struct Finding {
    Health health = Health::ok;
    std::string check;   // a stable word
    std::string object;  // the disk; empty: the machine
    std::string found;
    std::string remedy;  // empty if all is well
};

std::vector<Finding> examine_machine();
// Reads only. What cannot even be opened is a finding, too.
std::vector<Finding> examine_group(const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
