// How the verbs that only look get their survey: the disks that are there, no majority needed, and
// nothing written.
#pragma once

#include "cli/open_group.hpp"
#include "lock/survey.hpp"

namespace diskpaxos::cli {

struct Surveyed {
    std::unique_ptr<OpenGroup> group;
    Survey survey;
    std::uint64_t now_ms = 0;  // unix time of the survey

    std::size_t disks() const { return survey.disks.size(); }
    std::size_t answered() const;
    std::size_t needed() const { return disks() / 2 + 1; }
};

// Says on stderr if it is a minority's.
Result<Surveyed> survey_group(const Invocation& call, Output& out);

}  // namespace diskpaxos::cli
