// `ls` and `show`: which locks there are, who holds them, and which disks agree.
#include <fmt/format.h>

#include <algorithm>

#include "cli/lock_view.hpp"
#include "cli/surveyed.hpp"
#include "cli/table.hpp"
#include "group/directory.hpp"

namespace diskpaxos::cli {

namespace {

std::string state_of(const LockView& lock) {
    if (lock.damaged) return "damaged";
    if (!lock.held()) return lock.unsure() ? "unknown" : "free";
    return lock.record.exclusive ? "exclusive" : "shared";
}

Colour colour_of(const LockView& lock) {
    if (lock.damaged || lock.standing == Standing::no_majority) return Colour::bad;
    return lock.held() ? Colour::good : Colour::faint;
}

std::string agreeing(const LockView& lock) {
    const auto count = std::ranges::count(lock.disks, DiskSays::agrees);
    std::string text = fmt::format("{}/{}", count, lock.disks.size());
    if (lock.standing == Standing::moving) text += " moving";
    return text;
}

void list_locks(const Surveyed& at, const std::vector<LockView>& locks, Output& out) {
    Table table({"LOCK", "STATE", "TOKEN", "HELD BY", "SESSION", "WAIT", "DISKS", "COMMAND"});
    for (const LockView& lock : locks) {
        const std::string name = printable(lock.name);
        const std::string waiters = fmt::format("{}", lock.waiters.size());
        if (!lock.held()) {
            table.row({name, state_of(lock), fmt::format("{}", lock.record.token), "-", "-",
                       waiters, agreeing(lock), ""},
                      1, colour_of(lock));
        }
        for (const Party& party : lock.holders) {
            const bool first = &party == &lock.holders.front();
            const std::string age =
                party.record ? brief(since(party.record->since_ms, at.now_ms)) : "-";
            table.row({first ? name : "", first ? state_of(lock) : "",
                       fmt::format("{}", party.token), who(party), age, first ? waiters : "",
                       first ? agreeing(lock) : "", command_of(party)},
                      1, colour_of(lock));
        }
    }
    table.print(out);
}

void show_party(const char* role, const Party& party, std::uint64_t now_ms, Output& out) {
    out.line(fmt::format("{:<10} {}, slot {}, epoch {}: {}", role, who(party), party.session.slot,
                         party.session.epoch, describe(party.fate)));
    const auto detail = [&out](const std::string& text) {
        out.line(fmt::format("{:<10} {}", "", text));
    };
    if (party.token != 0)
        detail(fmt::format("token {}", party.token));
    else
        detail(fmt::format("wants it {}", describe(party.mode)));
    if (!party.record) return;
    const SessionRecord& record = *party.record;
    if (party.fate == Fate::evicted) {
        detail(fmt::format("evicted by host {}, pid {}", printable(record.host_name), record.pid));
    }
    detail(fmt::format("command {}", printable(record.command)));
    detail(fmt::format("session since {} ({})", rfc3339(record.since_ms),
                       brief(since(record.since_ms, now_ms))));
    detail(fmt::format("TTL {}", brief(std::chrono::milliseconds(record.ttl_ms))));
}

void show(const Surveyed& at, const LockView& lock, Output& out) {
    out.line(fmt::format("lock       {}", printable(lock.name)));
    out.line(fmt::format("state      {}", out.paint(colour_of(lock), state_of(lock))));
    out.line(fmt::format("token      {}", lock.record.token));
    out.line(fmt::format("version    {} ({})", lock.version, describe(lock.standing)));
    if (!lock.record.value.empty()) {
        out.line(fmt::format("value      {}{}", printable(as_text(lock.record.value)),
                             lock.record.doubtful ? " (doubtful)" : ""));
    }
    for (const Party& party : lock.holders) show_party("holder", party, at.now_ms, out);
    for (const Party& party : lock.ended) show_party("held by", party, at.now_ms, out);
    for (const Party& party : lock.waiters) show_party("waiter", party, at.now_ms, out);
    for (std::size_t disk = 0; disk < lock.disks.size(); ++disk) {
        const bool fine = lock.disks[disk] == DiskSays::agrees;
        out.line(fmt::format(
            "{:<10} {} {}", disk == 0 ? "disks" : "", at.survey.disks[disk].name,
            out.paint(fine ? Colour::good : Colour::warning, describe(lock.disks[disk]))));
    }
}

}  // namespace

Result<int> run_ls(const Invocation& call, Output& out) {
    const auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const std::vector<LockView> locks = view_locks(at->survey);
    const bool names = call.has("names");
    if (names) {
        for (const LockView& lock : locks) out.line(printable(lock.name));
    } else {
        list_locks(*at, locks, out);
    }
    const std::uint64_t unseen = at->survey.votes.unseen_cells();
    if (unseen > 0 && !names) {
        out.line(fmt::format("{} of {} are not for us to see", unseen,
                             counted(at->survey.cells, "cell", "cells")));
    }
    Json object;
    object["time"] = rfc3339(at->now_ms);
    object["majority"] = at->survey.majority;
    object["locks"] = Json::array();
    for (const LockView& lock : locks) object["locks"].push_back(described(lock, at->survey));
    object["cells_unseen"] = unseen;
    out.object(std::move(object));
    return at->blind() ? exit_code(Code::permission) : 0;
}

Result<int> run_show(const Invocation& call, Output& out) {
    const std::string& name = call.arguments().front();
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    const auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const SurveyedCell* cell = at->survey.find(name);
    if (cell == nullptr || cell->state != CellState::lock) {
        const std::string none =
            fmt::format("there is no lock \"{}\"; \"diskpaxos ls\" names those there are", name);
        if (cell != nullptr) return std::unexpected(Error{Code::no, none});
        return std::unexpected(not_found(*at, name, none));
    }
    const LockView lock = view_lock(at->survey, *cell);
    show(*at, lock, out);
    Json object = described(lock, at->survey);
    object["time"] = rfc3339(at->now_ms);
    object["majority"] = at->survey.majority;
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
