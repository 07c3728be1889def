#include "cli/surveyed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::cli {

std::size_t Surveyed::answered() const {
    return static_cast<std::size_t>(
        std::ranges::count(survey.disks, true, &SurveyedDisk::answered));
}

Result<Surveyed> survey_group(const Invocation& call, Output& out) {
    auto group = open_group(call, out, {.access = io::Access::read, .quorum = false});
    if (!group) return std::unexpected(group.error());
    Surveyed surveyed{.group = std::move(*group), .survey = {}};
    OpenGroup& opened = *surveyed.group;
    const Threshold rule = Threshold::majority(opened.roster().disks());
    Surveyor surveyor(opened.world(), opened.roster(), rule);
    surveyed.survey = opened.run(surveyor.run(opened.deadline()));
    surveyed.now_ms = node::unix_ms();
    if (!surveyed.survey.majority) {
        out.warn(
            fmt::format("{} of {} disks {}, {} are needed: what follows may be out of date, and "
                        "nothing can be changed now",
                        surveyed.answered(), surveyed.disks(),
                        surveyed.answered() == 1 ? "answers" : "answer", surveyed.needed()));
    }
    return surveyed;
}

}  // namespace diskpaxos::cli
