#include "cli/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/shell_word.hpp"

namespace diskpaxos::cli {

namespace {

std::string item(const char* label, const std::string& text) {
    return fmt::format("  {:<7} {}", label, text);
}

std::string at_time(const Situation& at, Duration in) {
    const auto then = at.now_ms + static_cast<std::uint64_t>(std::max<std::int64_t>(in_ms(in), 0));
    return fmt::format("{} (in {})", clock_time(then), brief(std::max(in, Duration(0))));
}

std::string quoted(const Party& party) {
    const std::string command = command_of(party);
    return command.empty() ? "" : fmt::format(": \"{}\"", command);
}

// That a person can paste: about the same disks.
std::string command(const Situation& at, const char* verb, const std::string& words) {
    return fmt::format("diskpaxos {}{}{}{}", verb, at.same_disks, words.empty() ? "" : " ", words);
}

// ---- the first sentence ----

std::string how_it_ended(const Party& party) {
    const std::string slot = fmt::format("the session of slot {}", party.session.slot);
    switch (party.fate) {
        case Fate::left:
            return fmt::format("{}, has left", who(party));
        case Fate::evicted:
            return fmt::format("{} (\"{}\"), was evicted by host {}, pid {}", slot,
                               command_of(party), printable(party.record->host_name),
                               party.record->pid);
        default:
            return fmt::format("an earlier session of slot {}, is over", party.session.slot);
    }
}

std::string headline(const Situation& at, const LockView& lock) {
    const std::string name = printable(at.name);
    if (!lock.damaged && !lock.held() && at.cell.standing == Standing::no_majority) {
        return fmt::format("whether lock \"{}\" is held is not known; the newest copy that can be "
                           "read says that it is free, token {}",
                           name, lock.record.token);
    }
    if (lock.damaged) {
        return fmt::format("\"{}\" holds what this program did not write; run \"{}\"", name,
                           command(at, "check", ""));
    }
    if (lock.holders.size() > 1) {
        return fmt::format("lock \"{}\" is held, shared by {} sessions", name, lock.holders.size());
    }
    if (lock.held()) {
        return fmt::format("lock \"{}\" is held {}, token {}", name,
                           lock.record.exclusive ? "exclusively" : "shared",
                           lock.holders.front().token);
    }
    if (!lock.ended.empty()) {
        return fmt::format("lock \"{}\" is free: its last holder, {}", name,
                           how_it_ended(lock.ended.front()));
    }
    if (lock.record.token == 0)
        return fmt::format("lock \"{}\" is free; nobody ever held it", name);
    return fmt::format("lock \"{}\" is free; the token of the last holding was {}", name,
                       lock.record.token);
}

// ---- the holders ----

std::string life(const Watched& watched) {
    if (!watched.trouble.empty()) {
        return fmt::format("it cannot be watched: {}", watched.trouble);
    }
    if (watched.over) return "ended while it was watched";
    if (watched.renewed_ago && *watched.renewed_ago < std::chrono::milliseconds(50)) {
        return "renewed just now while watched";
    }
    if (watched.renewed_ago) {
        return fmt::format("renewed {} ago while watched", brief(*watched.renewed_ago));
    }
    if (watched.silent()) {
        return fmt::format("silent for as long as it was watched ({})", brief(watched.length));
    }
    return fmt::format("watched for {} only, which tells nothing: it renews every {}",
                       brief(watched.length), brief(watched.renewal));
}

void tell_holder(const Situation& at, const Party& party, const Watched* watched,
                 std::vector<std::string>& lines) {
    lines.push_back(item("holder", who(party) + quoted(party)));
    lines.push_back(item("", fmt::format("slot {}, token {}", party.session.slot, party.token)));
    if (party.record) {
        lines.push_back(
            item("since",
                 fmt::format("{} ({} ago), when its session began", rfc3339(party.record->since_ms),
                             brief(since(party.record->since_ms, at.now_ms)))));
    }
    if (party.fate == Fate::cut_short) {
        lines.push_back(item("",
                             "a later session has its slot: it cannot renew any more, but what it "
                             "started may run until its lease is over"));
    }
    if (watched != nullptr) lines.push_back(item("life", life(*watched)));
}

// ---- when it is free ----

std::string when_free(const Situation& at) {
    const FreeBy bound = free_by(at);
    const bool alive = std::ranges::none_of(at.watched, &Watched::silent);
    if (!at.majority) return "not before a majority of the disks is back";
    if (!at.in_sight()) return "not before a majority of its copies can be read again";
    if (!bound.in) return "not known: its holder cannot be watched";
    if (*bound.in <= Duration(0)) return "now";
    const std::string when = at_time(at, *bound.in);
    if (alive) {
        return fmt::format("when it is released; if its holder{} died now, by {}{}",
                           at.watched.size() > 1 ? "s" : "", when,
                           bound.once_waited_for ? " once somebody waits for it" : "");
    }
    if (bound.once_waited_for) {
        return fmt::format(
            "by {} at the latest if it stays silent and somebody waits for it from now "
            "on: a lock is only taken from the dead by who wants it",
            when);
    }
    return fmt::format("by {} at the latest if it stays silent: those who wait take it then", when);
}

// ---- the rest ----

void tell_queue(const LockView& lock, std::vector<std::string>& lines) {
    if (lock.waiters.empty()) {
        lines.push_back(item("queue", "nobody waits"));
        return;
    }
    for (std::size_t i = 0; i < lock.waiters.size(); ++i) {
        const Party& party = lock.waiters[i];
        std::string text =
            fmt::format("{}. {}{} ({})", i + 1, who(party), quoted(party), describe(party.mode));
        if (!may_act(party.fate)) text += ", which is gone and will be passed over";
        lines.push_back(item(i == 0 ? "queue" : "", text));
    }
}

std::vector<std::string> disks_that(const Situation& at, const std::vector<DiskSays>& says,
                                    DiskSays what) {
    std::vector<std::string> names;
    for (std::size_t disk = 0; disk < says.size(); ++disk) {
        if (says[disk] == what) names.push_back(at.disk_names[disk]);
    }
    return names;
}

void tell_disks(const Situation& at, const SurveyedCell& cell, std::vector<std::string>& lines) {
    struct Wording {
        DiskSays says;
        const char* one;
        const char* many;
        const char* note;
    };
    static constexpr Wording wordings[] = {
        {DiskSays::agrees, "says so", "say so", ""},
        {DiskSays::behind, "is behind", "are behind", ": it missed writes, which is no fault"},
        {DiskSays::damaged, "is damaged here", "are damaged here", ""},
        {DiskSays::unreadable, "does not answer", "do not answer", ""},
        {DiskSays::absent, "is absent", "are absent", ""},
        {DiskSays::forbidden, "does not let us see it", "do not let us see it", ""},
    };
    bool first = true;
    for (const Wording& wording : wordings) {
        const std::vector<std::string> names = disks_that(at, cell.disks, wording.says);
        if (names.empty()) continue;
        std::string note = wording.note;
        if (wording.says == DiskSays::damaged) {
            note = fmt::format(": run \"{}\"", command(at, "check --repair", ""));
        }
        lines.push_back(item(first ? "disks" : "",
                             fmt::format("{} {}{}", list(names),
                                         names.size() == 1 ? wording.one : wording.many, note)));
        first = false;
    }
    if (cell.standing == Standing::moving) {
        lines.push_back(item("", "a change is in motion: look again"));
    }
}

std::vector<std::string> lost_disks(const Situation& at) {
    std::vector<std::string> names;
    for (const DiskSays says : {DiskSays::absent, DiskSays::unreadable, DiskSays::damaged}) {
        const std::vector<std::string> some = disks_that(at, at.cell.disks, says);
        names.insert(names.end(), some.begin(), some.end());
    }
    return names;
}

std::string advice(const Situation& at, const LockView& lock) {
    const std::string name = shell_word(at.name);
    if (!at.majority) return fmt::format("bring back {}", list(lost_disks(at)));
    if (!at.in_sight()) {
        return fmt::format("{}; if that does not heal it, {} lets go of what is lost",
                           command(at, "check", "--repair"),
                           command(at, "check", "--repair --give-up " + name));
    }
    const std::string run = command(at, "run", name + " -- CMD");
    if (!lock.held()) return "take it: " + run;
    std::string text = "wait for it: " + run;
    const Party& party = lock.holders.front();
    if (!party.record || party.fate != Fate::live) return text;
    return text + fmt::format("; or look at pid {} on host {}; or take it away: {}",
                              party.record->pid, printable(party.record->host_name),
                              command(at, "break", name));
}

std::string of_other_kind(const Situation& at, const SurveyedCell& cell) {
    const std::string name = printable(at.name);
    const std::string get = command(at, "cell get", shell_word(at.name));
    switch (cell.state) {
        case CellState::set:
            return fmt::format(
                "\"{}\" is no lock but a cell with a value, version {}; \"{}\" prints it", name,
                cell.version, get);
        case CellState::decided:
            return fmt::format(
                "\"{}\" is no lock: it was decided by \"propose\", for ever; \"{}\" prints it",
                name, get);
        case CellState::deleted:
            return fmt::format(
                "\"{}\" was a cell; its value was removed, and anybody may use the name", name);
        case CellState::unset:
        case CellState::lock:
        case CellState::session:
            break;
    }
    return fmt::format("\"{}\" is no lock", name);
}

}  // namespace

// Who waits has watched the holder for as long as we have, but for one look: those are a renewal
// apart. Without anybody who waits the watching has not begun.
FreeBy free_by(const Situation& at) {
    FreeBy bound;
    if (!at.lock || !at.lock->held()) return {.in = Duration(0)};
    bound.once_waited_for = at.lock->waiters.empty();
    Duration last{0};
    for (const Watched& watched : at.watched) {
        if (!watched.trouble.empty()) return bound;
        if (watched.over) continue;
        const Duration left = bound.once_waited_for || watched.renewed_ago
                                  ? watched.ttl + watched.ttl / 500
                                  : watched.expires_in;
        last = std::max(last, left + watched.renewal);
    }
    bound.in = last;
    return bound;
}

std::vector<std::string> explained(const Situation& at) {
    std::vector<std::string> lines;
    if (!at.majority) {
        lines.push_back(
            fmt::format("{} of {} disks answer{}, {} are needed: nobody can take or release "
                        "\"{}\" now, and what follows may be out of date",
                        at.answered, at.disk_names.size(), at.answered == 1 ? "s" : "", at.needed,
                        printable(at.name)));
    }
    if (at.majority && !at.in_sight()) {
        lines.push_back(fmt::format("too few copies of \"{}\" can be read, {} are needed: nobody can "
                                    "take, release or change it now, and what follows may be out of "
                                    "date",
                                    printable(at.name), at.needed));
    }
    if (!at.lock) {
        lines.push_back(of_other_kind(at, at.cell));
        tell_disks(at, at.cell, lines);
        return lines;
    }
    const LockView& lock = *at.lock;
    lines.push_back(headline(at, lock));
    for (std::size_t i = 0; i < lock.holders.size(); ++i) {
        tell_holder(at, lock.holders[i], i < at.watched.size() ? &at.watched[i] : nullptr, lines);
    }
    if (lock.held()) lines.push_back(item("free", when_free(at)));
    if (!lock.damaged) tell_queue(lock, lines);
    if (lock.record.doubtful) {
        lines.push_back(item("value", "doubtful: who set it last was evicted"));
    }
    tell_disks(at, at.cell, lines);
    if (!lock.damaged) lines.push_back(item("do", advice(at, lock)));
    return lines;
}

}  // namespace diskpaxos::cli
