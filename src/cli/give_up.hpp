// `check --repair --give-up NAME`: a name that a majority has lost, given up by a person.
#pragma once

#include "cli/invocation.hpp"
#include "cli/open_group.hpp"
#include "cli/output.hpp"

namespace diskpaxos::cli {

struct GivenUp {
    std::uint32_t cell = 0;
    std::uint64_t version = 0;  // that the name has from now on
    std::uint64_t mended = 0;   // damaged blocks that are whole by it
};

// Asks first. Afterwards the damaged blocks of that cell still have to be healed.
Result<GivenUp> give_up(OpenGroup& group, const std::string& name, const Invocation& call,
                        Output& out);

}  // namespace diskpaxos::cli
