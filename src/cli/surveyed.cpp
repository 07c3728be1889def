#include "cli/surveyed.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "group/directory.hpp"

namespace diskpaxos::cli {

std::size_t Surveyed::answered() const {
    return static_cast<std::size_t>(
        std::ranges::count(survey.disks, true, &SurveyedDisk::answered));
}

namespace {

// Disks that we may not open are not missing. Which of those that are absent they are, nobody tells,
// unless they are all of them.
void mark_forbidden(const OpenGroup& group, Survey& survey) {
    const auto forbidden = std::ranges::count_if(group.unopened(), [](const auto& disk) {
        return disk.error.code == Code::permission;
    });
    const auto absent = std::ranges::count(survey.disks, false, &SurveyedDisk::present);
    if (forbidden == 0 || forbidden != absent) return;
    for (std::size_t disk = 0; disk < survey.disks.size(); ++disk) {
        if (survey.disks[disk].present) continue;
        survey.disks[disk].unseen = survey.cells;
        for (auto& votes : survey.votes.cells) votes.unseen.insert(disk);
        for (auto& votes : survey.votes.slots) votes.unseen.insert(disk);
    }
}

}  // namespace

Result<Surveyed> survey_group(const Invocation& call, Output& out) {
    auto group = open_group(call, out, {.access = io::Access::read, .quorum = false});
    if (!group) return std::unexpected(group.error());
    Surveyed surveyed{.group = std::move(*group), .survey = {}};
    OpenGroup& opened = *surveyed.group;
    const Threshold rule = Threshold::majority(opened.roster().disks());
    Surveyor surveyor(opened.world(), opened.roster(), rule);
    surveyed.survey = opened.run(surveyor.run(opened.deadline()));
    surveyed.now_ms = node::unix_ms();
    mark_forbidden(opened, surveyed.survey);
    if (surveyed.blind()) {
        out.warn("too much of it is not for us to see: nothing can be said of the rest");
    } else if (!surveyed.survey.majority) {
        out.warn(
            fmt::format("{} of {} disks {}, {} are needed: what follows may be out of date, and "
                        "nothing can be changed now",
                        surveyed.answered(), surveyed.disks(),
                        surveyed.answered() == 1 ? "answers" : "answer", surveyed.needed()));
    }
    return surveyed;
}

namespace {

// A cell on the way to the name that no majority can be read of: it may be the name's own.
bool may_be_lost(const Survey& survey, const std::string& name) {
    const Threshold rule = Threshold::majority(survey.disks.size());
    for (std::uint32_t step = 0; step < survey.cells; ++step) {
        const std::uint32_t cell = Directory::probe(name, step, survey.cells);
        if (!rule.suffices(Purpose::read, survey.votes.cells[cell].possible())) return true;
        if (std::ranges::count(survey.names, cell, &SurveyedCell::number) == 0) return false;
    }
    return false;
}

Code why_not_found(const Surveyed& at, const std::string& name) {
    const Group group(at.group->world(), at.group->roster());
    if (!group.lets(Right::read, name) || at.blind()) return Code::permission;
    return at.survey.majority && !may_be_lost(at.survey, name) ? Code::no : Code::no_quorum;
}

}  // namespace

Error not_found(const Surveyed& at, const std::string& name, std::string otherwise) {
    const Code code = why_not_found(at, name);
    if (code == Code::permission) {
        return {code, fmt::format("\"{}\" is not for us to see: whether there is such a name is not "
                                  "known",
                                  name)};
    }
    if (code == Code::no) return {code, std::move(otherwise)};
    if (at.survey.majority) {
        return {code, fmt::format("too few copies of the cell in which \"{}\" would be can be read: "
                                  "whether there is such a name is not known; run \"diskpaxos check\"",
                                  name)};
    }
    return {code, fmt::format("the disks that answer know no \"{}\", and others may: bring them back",
                              name)};
}

}  // namespace diskpaxos::cli
