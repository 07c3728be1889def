// `doctor`: each line a check, a verdict and, where something is wrong, the remedy.
#include "cli/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/disk_names.hpp"

namespace diskpaxos::cli {

namespace {

const char* word_of(Health health) {
    switch (health) {
        case Health::ok: return "ok";
        case Health::warn: return "warn";
        case Health::fail: return "fail";
    }
    return "";
}

Colour colour_of(Health health) {
    switch (health) {
        case Health::ok: return Colour::good;
        case Health::warn: return Colour::warning;
        case Health::fail: return Colour::bad;
    }
    return Colour::none;
}

Json described(const Finding& finding) {
    Json object;
    object["check"] = finding.check;
    object["disk"] = finding.object.empty() ? Json() : Json(finding.object);
    object["verdict"] = word_of(finding.health);
    object["found"] = finding.found;
    object["remedy"] = finding.remedy.empty() ? Json() : Json(finding.remedy);
    return object;
}

void show(const Finding& finding, Output& out) {
    const std::string where = finding.object.empty() ? "" : finding.object + ": ";
    out.line(fmt::format("{}  {:<12} {}{}",
                         out.paint(colour_of(finding.health),
                                   fmt::format("{:<4}", word_of(finding.health))),
                         finding.check, printable(where), printable(finding.found)));
    if (!finding.remedy.empty()) {
        out.line(fmt::format("      {:<12} -> {}", "", printable(finding.remedy)));
    }
}

}  // namespace

Result<int> run_doctor(const Invocation& call, Output& out) {
    std::vector<Finding> findings = examine_machine();
    if (names_disks(call)) {
        const auto paths = named_disks(call);
        if (!paths) return std::unexpected(paths.error());
        std::ranges::move(examine_group(call, out), std::back_inserter(findings));
    }
    Health worst = Health::ok;
    Json object;
    object["verdict"] = nullptr;
    object["checks"] = Json::array();
    for (Finding& finding : findings) {
        finding.found = out.pasteable(finding.found);
        finding.remedy = out.pasteable(finding.remedy);
        worst = std::max(worst, finding.health);
        show(finding, out);
        object["checks"].push_back(described(finding));
    }
    object["verdict"] = word_of(worst);
    out.line(fmt::format("verdict: {}", out.paint(colour_of(worst), word_of(worst))));
    out.object(std::move(object));
    return worst == Health::fail ? exit_code(Code::no) : 0;
}

}  // namespace diskpaxos::cli
