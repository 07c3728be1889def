// `status`: the disks, the sessions and the slots of a group, as they are now.
#include <fmt/format.h>

#include <cstring>
#include <map>

#include "cli/lock_view.hpp"
#include "cli/surveyed.hpp"
#include "cli/table.hpp"

namespace diskpaxos::cli {

namespace {

struct SessionLine {
    std::uint16_t slot = 0;
    SessionRecord record;
    Standing standing = Standing::no_majority;
};

std::vector<SessionLine> sessions_of(const Survey& survey) {
    std::vector<SessionLine> lines;
    for (std::size_t slot = 0; slot < survey.slots.size(); ++slot) {
        const SurveyedCell* cell = survey.session_cell(static_cast<std::uint16_t>(slot));
        auto record = survey.session(static_cast<std::uint16_t>(slot));
        if (cell == nullptr || !record) continue;
        SessionLine line{.slot = static_cast<std::uint16_t>(slot), .record = std::move(*record)};
        line.standing = cell->standing;
        lines.push_back(std::move(line));
    }
    return lines;
}

const char* word_of(const SurveyedDisk& disk) {
    if (!disk.present) return "absent";
    if (!disk.answered) return "silent";
    if (disk.error != 0) return "failing";
    if (disk.damaged > 0) return "damaged";
    return disk.behind > 0 ? "behind" : "sound";
}

Colour colour_of(const SurveyedDisk& disk) {
    const std::string_view word = word_of(disk);
    if (word == "sound") return Colour::good;
    return word == "behind" ? Colour::warning : Colour::bad;
}

double ms(Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

void show_disks(const Survey& survey, Output& out) {
    Table table({"DISK", "STATE", "READ", "LONGEST", "NOTES"});
    for (const SurveyedDisk& disk : survey.disks) {
        std::string notes = disk.error != 0 ? std::strerror(disk.error) : "";
        const auto note = [&notes](const std::string& text) {
            notes += (notes.empty() ? "" : "; ") + text;
        };
        if (disk.damaged > 0) {
            note(fmt::format("{} cells damaged: run \"diskpaxos check --repair\"", disk.damaged));
        }
        if (disk.behind > 0) note(fmt::format("{} names older than on other disks", disk.behind));
        const bool timed = disk.answered && disk.longest_read > Duration(0);
        table.row(
            {disk.name, word_of(disk), timed ? fmt::format("{:.2f} ms", ms(disk.read_time)) : "-",
             timed ? fmt::format("{:.2f} ms", ms(disk.longest_read)) : "-", notes},
            1, colour_of(disk));
    }
    table.print(out);
}

const char* word_of(SessionState state) {
    switch (state) {
        case SessionState::live:
            return "live";
        case SessionState::left:
            return "left";
        case SessionState::evicted:
            return "evicted";
    }
    return "";
}

void show_sessions(const Surveyed& at, const std::vector<SessionLine>& lines, Output& out) {
    Table table({"SLOT", "STATE", "HOST", "PID", "AGE", "TTL", "MARGIN", "RENEWED", "COMMAND"});
    for (const SessionLine& line : lines) {
        const SessionRecord& record = line.record;
        if (record.state != SessionState::live) continue;
        table.row({fmt::format("{}", line.slot), word_of(record.state), printable(record.host_name),
                   fmt::format("{}", record.pid), brief(since(record.since_ms, at.now_ms)),
                   brief(std::chrono::milliseconds(record.ttl_ms)),
                   brief(std::chrono::milliseconds(record.margin_ms)),
                   fmt::format("{} times", record.beat), printable(record.command)});
    }
    out.line("");
    if (table.empty()) return out.line("no sessions");
    table.print(out);
}

struct SlotUse {
    std::uint64_t free = 0;
    std::uint64_t unknown = 0;
    std::map<std::string, std::uint64_t> by_host;
};

SlotUse slots_of(const Survey& survey) {
    SlotUse use;
    for (const SlotView& slot : survey.slots) {
        if (!slot.known)
            ++use.unknown;
        else if (slot.owner.held())
            ++use.by_host[slot.owner.host_name];
        else
            ++use.free;
    }
    return use;
}

void show_slots(const SlotUse& use, std::size_t slots, Output& out) {
    std::string text = fmt::format("{} slots: {} free", slots, use.free);
    for (const auto& [host, count] : use.by_host) {
        text += fmt::format(", {} of host {}", count, printable(host));
    }
    if (use.unknown > 0) text += fmt::format(", {} not known", use.unknown);
    out.line("");
    out.line(text);
}

Json described(const SurveyedDisk& disk) {
    Json object;
    object["disk"] = disk.name;
    object["state"] = word_of(disk);
    object["present"] = disk.present;
    object["error"] = disk.error == 0 ? Json() : Json(std::strerror(disk.error));
    object["behind"] = disk.behind;
    object["damaged"] = disk.damaged;
    object["read_ms"] = disk.answered ? Json(ms(disk.read_time)) : Json();
    object["longest_read_ms"] = disk.answered ? Json(ms(disk.longest_read)) : Json();
    return object;
}

Json described(const SessionLine& line, std::uint64_t now_ms) {
    Json object;
    object["slot"] = line.slot;
    object["state"] = word_of(line.record.state);
    put_session(object, line.record);
    object["age_ms"] = in_ms(since(line.record.since_ms, now_ms));
    object["margin_ms"] = line.record.margin_ms;
    object["renewals"] = line.record.beat;
    object["standing"] = diskpaxos::describe(line.standing);
    return object;
}

Json described(const SlotUse& use, std::size_t slots) {
    Json object;
    object["all"] = slots;
    object["free"] = use.free;
    object["unknown"] = use.unknown;
    object["by_host"] = Json::object();
    for (const auto& [host, count] : use.by_host) object["by_host"][host] = count;
    return object;
}

}  // namespace

Result<int> run_status(const Invocation& call, Output& out) {
    const auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const Superblock& common = at->group->roster().common;
    const std::vector<SessionLine> sessions = sessions_of(at->survey);
    const SlotUse use = slots_of(at->survey);
    const Duration ttl = std::chrono::milliseconds(common.ttl_ms);
    out.line(
        fmt::format("group \"{}\" {}: {} of {} disks answer, {} needed; TTL {}; {} of {} names "
                    "in use",
                    printable(common.name), uuid_text(common.group), at->answered(), at->disks(),
                    at->needed(), brief(ttl), at->survey.names.size(), at->survey.cells));
    out.line("");
    show_disks(at->survey, out);
    show_sessions(*at, sessions, out);
    if (common.kinds() != DiskKinds::active) {
        show_slots(use, at->survey.slots.size(), out);
    } else {
        out.line("");
        out.line(fmt::format("room for {} sessions at a time", common.geometry.slots));
    }

    Json object;
    object["time"] = rfc3339(at->now_ms);
    object["group"] = uuid_text(common.group);
    object["name"] = common.name;
    object["majority"] = at->survey.majority;
    object["ttl_ms"] = common.ttl_ms;
    object["cells"] = at->survey.cells;
    object["names"] = at->survey.names.size();
    object["disks"] = Json::array();
    for (const SurveyedDisk& disk : at->survey.disks) object["disks"].push_back(described(disk));
    object["sessions"] = Json::array();
    for (const SessionLine& line : sessions) {
        object["sessions"].push_back(described(line, at->now_ms));
    }
    if (common.kinds() != DiskKinds::active) {
        object["slots"] = described(use, at->survey.slots.size());
    } else {
        object["sessions_at_most"] = common.geometry.slots;
    }
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
