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
    // Whether a majority is missing for no other reason than that we may not see it.
    bool blind() const { return survey.votes.level() == Redundancy::Level::unseen; }
};

// Says on stderr if it is a minority's.
Result<Surveyed> survey_group(const Invocation& call, Output& out);

// What there is to say of a name that was not found: whether it is not there, or not for us to see.
// Its code is permission: we may not see it; no_quorum: others may know it; no: there is none.
Error not_found(const Surveyed& at, const std::string& name, std::string otherwise);

}  // namespace diskpaxos::cli
