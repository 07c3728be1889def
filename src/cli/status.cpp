// `status`: the disks, the sessions and the slots of a group, as they are now.
#include <fmt/format.h>

#include "base/errno_text.hpp"
#include "cli/disk_names.hpp"
#include "cli/hosts.hpp"
#include "cli/lock_view.hpp"
#include "cli/named_json.hpp"
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

// One disk as it is told of.
struct DiskLine {
    const SurveyedDisk* seen = nullptr;
    std::uint64_t cells = 0;  // that it votes for
    std::uint64_t slots = 0;
    bool all = false;  // that we may see
    int unwritable = 0;  // errno, if this user may not write to it
    std::string why_absent;  // where that is known
};

const char* word_of(const DiskLine& line) {
    const SurveyedDisk& disk = *line.seen;
    const bool nothing_seen = disk.unseen > 0 && line.cells == 0;
    if (!disk.present) return nothing_seen ? "unseen" : "absent";
    if (!disk.answered) return "silent";
    if (disk.error == error_untold) return "unseen";
    if (disk.error != 0) return "failing";
    if (!line.all) return "damaged";
    if (nothing_seen) return "unseen";
    return disk.behind > 0 ? "behind" : "sound";
}

Colour colour_of(const DiskLine& line) {
    const std::string_view word = word_of(line);
    if (word == "sound") return Colour::good;
    return word == "behind" || word == "unseen" ? Colour::warning : Colour::bad;
}

std::string why_absent(const Unused& unused) {
    if (unused.is_the_absent_one) return unused.sentences.front();
    return unused.sentences.empty() ? "not named" : "one of those below";
}

std::vector<DiskLine> disks_of(const Surveyed& at, const Unused& unused) {
    std::vector<DiskLine> lines;
    const Roster& roster = at.group->roster();
    for (std::size_t disk = 0; disk < at.survey.disks.size(); ++disk) {
        DiskLine line{.seen = &at.survey.disks[disk],
                      .cells = at.survey.votes.cells_of(disk),
                      .slots = at.survey.votes.slots_of(disk),
                      .all = at.survey.votes.votes_for_all(disk),
                      .why_absent = at.survey.disks[disk].present ? "" : why_absent(unused)};
        for (const RealWorld::Member& member : at.group->real().members()) {
            const bool its = member.file && member.disk.get() == roster.members[disk];
            if (its) line.unwritable = member.file->why_not_writable();
        }
        lines.push_back(line);
    }
    return lines;
}

// The first line, for people and for what watches the group: the level first of all.
std::string headline(const Surveyed& at) {
    const Superblock& common = at.group->roster().common;
    const Redundancy& votes = at.survey.votes;
    std::string what;
    switch (votes.level()) {
        case Redundancy::Level::full:
            what = fmt::format("full: every disk votes for every cell{}{}",
                               votes.slots.empty() ? "" : " and slot",
                               votes.unseen_cells() > 0 ? " that is for us to see" : "");
            break;
        case Redundancy::Level::degraded:
            what = votes.bare_cells() + votes.bare_slots() == 0
                       ? "degraded: not every disk votes for every cell and slot"
                       : fmt::format("degraded: {} with no vote to spare",
                                     cells_and_slots(votes.bare_cells(), votes.bare_slots()));
            break;
        case Redundancy::Level::no_majority:
            what = fmt::format("no majority: for {}",
                               cells_and_slots(votes.lost_cells(), votes.lost_slots()));
            break;
        case Redundancy::Level::unseen:
            what = "unseen: too much of it is not for us to see";
            break;
    }
    return fmt::format("{}; group \"{}\" {}: {} of {} disks answer, {} needed", what,
                       printable(common.name), uuid_text(common.group), at.answered(), at.disks(),
                       at.needed());
}

int exit_code_of(Redundancy::Level level) {
    switch (level) {
        case Redundancy::Level::full: return 0;
        case Redundancy::Level::degraded: return 1;
        case Redundancy::Level::no_majority: return 2;
        case Redundancy::Level::unseen: return exit_code(Code::permission);
    }
    return 0;
}

double ms(Duration d) {
    return std::chrono::duration<double, std::milli>(d).count();
}

std::string notes_of(const DiskLine& line) {
    const SurveyedDisk& disk = *line.seen;
    std::string notes = disk.error != 0 ? errno_text(disk.error) : "";
    const auto note = [&notes](const std::string& text) {
        notes += (notes.empty() ? "" : "; ") + text;
    };
    if (!line.why_absent.empty()) note(printable(line.why_absent));
    if (disk.damaged > 0) {
        note(fmt::format("{} damaged: run \"diskpaxos check --repair\"",
                         counted(disk.damaged, "cell", "cells")));
    } else if (disk.answered && disk.error == 0 && !line.all) {
        note("slot table damaged: run \"diskpaxos check --repair\"");
    }
    if (disk.unseen > 0) {
        note(counted(disk.unseen, "cell is", "cells are") + " not for us to see");
    }
    if (disk.behind > 0) {
        note(counted(disk.behind, "name", "names") + " older than on other disks");
    }
    if (line.unwritable != 0) {
        note("this user cannot write to it: " + errno_text(line.unwritable));
    }
    return notes;
}

void show_disks(const Surveyed& at, const std::vector<DiskLine>& lines, const Unused& unused,
                Output& out) {
    Table table({"DISK", "STATE", "CELLS", "SLOTS", "READ", "LONGEST", "NOTES"});
    const Redundancy& votes = at.survey.votes;
    for (const DiskLine& line : lines) {
        const SurveyedDisk& disk = *line.seen;
        const bool timed = disk.answered && disk.longest_read > Duration(0);
        const auto part = [](std::uint64_t of, std::size_t all) {
            return all == 0 ? std::string("-") : fmt::format("{}/{}", of, all);
        };
        table.row({printable(disk.name), word_of(line), part(line.cells, votes.cells.size()),
                   part(line.slots, votes.slots.size()),
                   timed ? fmt::format("{:.2f} ms", ms(disk.read_time)) : "-",
                   timed ? fmt::format("{:.2f} ms", ms(disk.longest_read)) : "-",
                   out.pasteable(notes_of(line))},
                  1, colour_of(line));
    }
    table.print(out);
    if (unused.is_the_absent_one) return;  // it stands in the notes
    for (const std::string& sentence : unused.sentences) {
        out.line("not in use: " + out.pasteable(printable(sentence)));
    }
}

void show_sessions(const Surveyed& at, const std::vector<SessionLine>& lines, Output& out) {
    Table table({"SLOT", "STATE", "HOST", "PID", "AGE", "TTL", "MARGIN", "RENEWED", "COMMAND"});
    for (const SessionLine& line : lines) {
        const SessionRecord& record = line.record;
        if (record.state != SessionState::live) continue;
        table.row({fmt::format("{}", line.slot), describe(record.state), printable(record.host_name),
                   fmt::format("{}", record.pid), brief(since(record.since_ms, at.now_ms)),
                   brief(std::chrono::milliseconds(record.ttl_ms)),
                   brief(std::chrono::milliseconds(record.margin_ms)),
                   counted(record.beat, "time", "times"), printable(record.command)});
    }
    out.line("");
    const bool unseen = at.survey.votes.unseen_cells() > 0;
    if (table.empty()) return out.line(unseen ? "no sessions that are for us to see" : "no sessions");
    table.print(out);
}

// As `hosts` and `doctor` count them.
void show_slots(const SlotCount& use, std::size_t slots, Output& out) {
    std::string text = fmt::format("{}: {}", counted(slots, "slot", "slots"), free_text(use));
    for (const auto& [id, host] : use.hosts) {
        const std::string name = printable(use.call(id));
        if (host.owned > 0) text += fmt::format(", {} of host {}", host.owned, name);
        if (host.lent > 0) text += fmt::format(", {} for healing by host {}", host.lent, name);
    }
    out.line("");
    out.line(text);
}

Json described(const DiskLine& line) {
    const SurveyedDisk& disk = *line.seen;
    Json object;
    object["disk"] = disk.name;
    object["state"] = word_of(line);
    object["present"] = disk.present;
    object["error"] = disk.error == 0 ? Json() : Json(errno_text(disk.error));
    object["behind"] = disk.behind;
    object["damaged"] = disk.damaged;
    object["votes_for_cells"] = line.cells;
    object["votes_for_slots"] = line.slots;
    object["cells_unseen"] = disk.unseen;
    object["unwritable"] = line.unwritable == 0 ? Json() : Json(errno_text(line.unwritable));
    object["read_ms"] = disk.answered ? Json(ms(disk.read_time)) : Json();
    object["longest_read_ms"] = disk.answered ? Json(ms(disk.longest_read)) : Json();
    return object;
}

Json described(const SessionLine& line, std::uint64_t now_ms) {
    Json object;
    object["slot"] = line.slot;
    object["state"] = describe(line.record.state);
    put_session(object, line.record);
    object["age_ms"] = in_ms(since(line.record.since_ms, now_ms));
    object["margin_ms"] = line.record.margin_ms;
    object["renewals"] = line.record.beat;
    object["standing"] = diskpaxos::describe(line.standing);
    return object;
}

Json described(const SlotCount& use, std::size_t slots) {
    Json object;
    object["all"] = slots;
    object["free"] = use.free;
    object["claimed"] = use.barred;
    object["unknown"] = use.unknown;
    object["for_healing"] = 0;
    object["by_host"] = Json::object();
    std::uint64_t lent = 0;
    for (const auto& [id, host] : use.hosts) {
        lent += host.lent;
        const std::string name = use.call(id);
        if (host.owned > 0) object["by_host"][is_utf8(name) ? name : printable(name)] = host.owned;
    }
    object["for_healing"] = lent;
    return object;
}

}  // namespace

Result<int> run_status(const Invocation& call, Output& out) {
    const auto at = survey_group(call, out);
    if (!at) {  // none of its disks can be looked at: then no cell has a majority
        const bool disks = at.error().code == Code::io || at.error().code == Code::no_quorum;
        if (!disks || !named_disks(call)) return std::unexpected(at.error());
        return out.fail(word(at.error().code), at.error().sentence,
                        exit_code_of(Redundancy::Level::no_majority));
    }
    const Superblock& common = at->group->roster().common;
    const std::vector<SessionLine> sessions = sessions_of(at->survey);
    const SlotCount use = count_slots(at->survey.slots);
    const Duration ttl = std::chrono::milliseconds(common.ttl_ms);
    const Redundancy& votes = at->survey.votes;
    const Unused unused = unused_disks(*at->group);
    const std::vector<DiskLine> disks = disks_of(*at, unused);
    out.line(headline(*at));
    out.line(fmt::format("TTL {}; {} of {} in use", brief(ttl), at->survey.names.size(),
                         counted(at->survey.cells, "name", "names")));
    out.line("");
    show_disks(*at, disks, unused, out);
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
    put_text(object, "name", common.name);
    object["redundancy"] = describe(votes.level());
    object["majority"] = at->survey.majority;
    object["ttl_ms"] = common.ttl_ms;
    object["cells"] = at->survey.cells;
    object["names"] = at->survey.names.size();
    object["cells_at_bare_majority"] = votes.bare_cells();
    object["cells_without_majority"] = votes.lost_cells();
    object["slots_at_bare_majority"] = votes.bare_slots();
    object["slots_without_majority"] = votes.lost_slots();
    object["disks"] = Json::array();
    for (const DiskLine& disk : disks) object["disks"].push_back(described(disk));
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
    return exit_code_of(votes.level());
}

}  // namespace diskpaxos::cli
