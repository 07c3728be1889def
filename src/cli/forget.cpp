// `hosts forget`: frees the slots of a host that is off for good (docs/slots.md, R12), and heals
// its blocks on its behalf. Only a person can know that a host is off and does not just sleep.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/hosts.hpp"
#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"
#include "group/check.hpp"
#include "group/heal.hpp"
#include "group/returning.hpp"
#include "group/row_prints.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::size_t least_of_id = 8;  // characters
constexpr unsigned most_heals = 3;

using Processes = std::vector<HostView::Process>;

std::string described(const HostView::Process& process) {
    return fmt::format("pid {} (\"{}\")", process.record.pid, printable(process.record.command));
}

Survey survey(OpenGroup& group) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    Surveyor surveyor(group.world(), group.roster(), rule);
    return group.run(surveyor.run(group.deadline()));
}

Error unread() {
    return {Code::no_quorum,
            "the blocks of the host cannot be read on a majority of the disks; nothing was changed"};
}

bool is_called(const HostView& host, const std::string& name) {
    return host.name == name ||
           (name.size() >= least_of_id && uuid_text(host.id).starts_with(name));
}

bool begins_an_id(const Survey& survey, const std::string& name) {
    return !name.empty() && name.size() < least_of_id &&
           std::ranges::any_of(view_hosts(survey), [&name](const HostView& host) {
               return host.id != Uuid() && uuid_text(host.id).starts_with(name);
           });
}

// Whose slots are to go: by name, or where that is not the only one, by id.
Result<HostView> find_host(const Survey& survey, const std::string& name) {
    std::vector<HostView> found = view_hosts(survey);
    std::erase_if(found, [&](const HostView& host) { return !is_called(host, name); });
    if (found.size() == 1) return found.front();
    if (found.empty() && begins_an_id(survey, name)) {
        return usage(fmt::format("\"{}\" is no host's name, and as the beginning of an id too short: give "
                                 "at least {} characters",
                                 printable(name), least_of_id));
    }
    if (found.empty()) {
        return std::unexpected(
            Error{Code::no,
                  fmt::format("no host \"{}\" owns a slot; \"diskpaxos hosts\" shows those that do",
                              printable(name))});
    }
    std::string ids;
    for (const HostView& host : found) {
        ids += fmt::format("{}{}", ids.empty() ? "" : ", ", uuid_text(host.id));
    }
    return usage(fmt::format("{} hosts are called \"{}\"; name one by its id: {}", found.size(),
                             printable(name), ids));
}

Result<void> refuse_missing_disks(OpenGroup& group) {
    std::string missing;
    const Roster& roster = group.roster();
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        if (roster.members[disk] != nullptr) continue;
        missing += fmt::format("{}{}", missing.empty() ? "" : ", ", roster.names[disk]);
    }
    if (missing.empty()) return {};
    return std::unexpected(
        Error{Code::no_quorum, fmt::format("a host can be forgotten only when every disk is there; "
                                           "missing: {}; nothing was changed",
                                           missing)});
}

Result<void> refuse_our_own(OpenGroup& group, const HostView& host) {
    const Result<node::ThisHost> us = node::this_host(group.roster().common.group);
    if (!us) return std::unexpected(us.error());
    if (us->host.id != host.id) return {};
    return usage("this host is not off; its last process gives back all but one of its slots");
}

// Those that have shown life since `before`: compared with all that it showed, also with what a host
// that had the slot earlier has left there.
Processes renewed(const HostView& host, const Survey& before, const Survey& now) {
    Processes awake;
    for (const std::uint32_t slot : host.slots) {
        const auto number = static_cast<std::uint16_t>(slot);
        const auto record = now.session(number);
        if (!record || record->state != SessionState::live) continue;
        const auto earlier = before.session(number);
        const bool same = earlier && earlier->state == SessionState::live &&
                          earlier->epoch() == record->epoch() && earlier->beat == record->beat;
        if (!same) awake.push_back({number, *record});
    }
    return awake;
}

// A process without a session tells of itself by nothing but what it writes.
Result<void> refuse_writers(OpenGroup& group, const HostView& host, const RowPrints& before) {
    RowPrints now(group.world(), group.roster(), host.slots);
    if (!group.run(now.read(group.deadline()))) return std::unexpected(unread());
    const std::optional<std::uint32_t> slot = now.changed_since(before);
    if (!slot) return {};
    return std::unexpected(Error{
        Code::in_use, fmt::format("host {} is not off: something has just been written in its slot "
                                  "{}; nothing was changed",
                                  printable(host.call), *slot)});
}

std::unexpected<Error> is_awake(const HostView& host, const Processes& awake) {
    return std::unexpected(
        Error{Code::in_use, fmt::format("host {} is not off: its process {} has just renewed its "
                                        "session; nothing was changed",
                                        printable(host.call), described(awake.front()))});
}

Task<bool> pause(Clock& clock, Duration time) {
    co_await clock.sleep(time);
    co_return true;
}

Duration longest_ttl(const HostView& host, OpenGroup& group) {
    Duration ttl = std::chrono::milliseconds(group.roster().common.ttl_ms);
    for (const HostView::Process& process : host.processes) {
        ttl = std::max<Duration>(ttl, std::chrono::milliseconds(process.record.ttl_ms));
    }
    return ttl;
}

// One renewal interval, and half of one more for slow disks.
Result<void> watch(OpenGroup& group, const HostView& host, const Survey& before) {
    if (host.processes.empty()) return {};
    group.run(pause(group.world().clock, longest_ttl(host, group) / 4));
    const Processes awake = renewed(host, before, survey(group));
    if (awake.empty()) return {};
    return is_awake(host, awake);
}

Result<void> confirm(const HostView& host, Duration wait, const Invocation& call) {
    if (call.has("force")) return {};
    std::vector<std::uint32_t> slots = host.slots;
    slots.insert(slots.end(), host.lent.begin(), host.lent.end());
    std::string text = fmt::format(
        "host {} owns {}, and was last seen {} ago; if it only sleeps, it will wake up and write "
        "on in "
        "a slot that has another user by then, and changes that were acknowledged are lost",
        printable(host.call), slots_text(slots), brief(since(host.seen_ms, node::unix_ms())));
    if (!host.processes.empty()) {
        text += fmt::format("; its session of {} is evicted", described(host.processes.front()));
        if (host.processes.size() > 1)
            text += fmt::format(" and {} more", host.processes.size() - 1);
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return std::unexpected(
            Error{Code::no, text + "; nothing was done, --force does it without asking"});
    }
    fmt::print(
        stderr,
        "{}.\nIt takes {}. If the host is off for good, or has been started again and does not "
        "use the group, type its name to go on: ",
        text, brief(wait));
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == host.name) return {};
    return std::unexpected(
        Error{Code::no, "the answer was not the name of the host; nothing was done"});
}

// A change of the session's cell: it takes a seat, which is given up before slots are freed.
Result<void> evict(const HostView& host, const Invocation& call, Output& out) {
    if (host.processes.empty()) return {};
    auto joined = join_group(call, out);
    if (!joined && joined.error().code == Code::no_slot) {
        return std::unexpected(
            Error{Code::no_slot,
                  fmt::format("evicting the sessions of host {} takes a slot, and this host "
                              "has none; do it on a host that has one: {}",
                              printable(host.call), joined.error().sentence)});
    }
    if (!joined) return std::unexpected(joined.error());
    OpenGroup& group = **joined;
    Directory directory(group.group());
    const Result<node::ThisHost> us = node::this_host(group.roster().common.group);
    if (!us) return std::unexpected(us.error());
    for (const HostView::Process& process : host.processes) {
        SessionRef session;
        session.slot = process.slot;
        session.epoch = process.record.epoch();
        SessionWatch watch(group.world(), directory, session);
        Evictor evictor{us->host.name, us->host.boot, static_cast<std::uint32_t>(getpid())};
        const auto evicted = group.run(watch.evict_now(std::move(evictor), group.deadline()));
        if (!evicted) return std::unexpected(evicted.error());
        out.line(fmt::format("evicted the session of {}", described(process)));
    }
    return {};
}

// ---- waiting ----

constexpr Duration tick = std::chrono::milliseconds(200);

Task<void> count_down(Clock& clock, Instant end, Event& over) {
    while (!over.is_set() && clock.now() < end) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(end - clock.now());
        fmt::print(stderr, "\r\033[K{} s until nothing of it can be under way any more",
                   left.count());
        std::fflush(stderr);
        co_await over.wait_until(clock, clock.now() + tick);
    }
}

Task<void> wait_for(Forgetting& forgetting, Duration ttl, Duration patience,
                    std::optional<Result<void>>& waited, Event& over) {
    waited = co_await forgetting.wait(ttl, patience);
    over.set();
}

Result<void> wait(OpenGroup& group, Forgetting& forgetting, Duration ttl, Output& out) {
    const Duration length = forgetting.length(ttl);
    const bool terminal = !out.json() && isatty(STDERR_FILENO) == 1;
    if (!terminal) {
        out.line(
            fmt::format("waiting {} until nothing of it can be under way any more", brief(length)));
        std::fflush(stdout);
    }
    std::optional<Result<void>> waited;
    Event over;
    {
        Scope scope(group.world().queue);
        Clock& clock = group.world().clock;
        scope.spawn(wait_for(forgetting, ttl, group.timeout(), waited, over));
        if (terminal) scope.spawn(count_down(clock, clock.now() + length, over));
        group.real().loop().run_until(scope.idle());
    }
    if (terminal) std::fputs("\r\033[K", stderr);
    return *waited;
}

// ---- healing ----

// Free slots are healed by whoever claims them for it, as `check --repair` does.
Result<HealReport> heal(OpenGroup& group, const std::vector<std::uint32_t>& freed) {
    HealReport total;
    const Threshold rule = Threshold::majority(group.roster().disks());
    const Result<node::ThisHost> us = node::this_host(group.roster().common.group);
    if (!us) return std::unexpected(us.error());
    for (unsigned attempt = 0; attempt < most_heals; ++attempt) {
        Checker checker(group.world(), group.roster(), rule);
        HealWish wish{.slots = group.run(checker.run()).hurt, .watch = false};
        for (std::uint32_t slot = 0; slot < wish.slots.size(); ++slot) {
            if (std::ranges::count(freed, slot) == 0) wish.slots[slot] = false;
        }
        if (std::ranges::count(wish.slots, true) == 0) break;
        Healer healer(group.world(), group.roster(), rule, group.locks(), us->host,
                      std::move(wish));
        Result<HealReport> healed = group.run(healer.run(group.deadline()));
        if (!healed) return healed;
        healed->blocks += total.blocks;
        healed->slot_entries += total.slot_entries;
        healed->superblocks += total.superblocks;
        total = std::move(*healed);
        if (total.unfinished || total.failed > 0 || total.not_now == 0) break;
    }
    return total;
}

int tell(const HostView& host, const Forgetting::Outcome& outcome, const HealReport& healed,
         Output& out) {
    const std::string name = printable(host.call);
    if (!outcome.freed.empty()) {
        out.line(
            fmt::format("host {} is forgotten: {} free", name,
                        slots_text(outcome.freed) + (outcome.freed.size() == 1 ? " is" : " are")));
        out.line(fmt::format("healed on its behalf: {} blocks", healed.blocks));
    }
    if (!outcome.left.empty()) {
        out.line(fmt::format("{} could not be claimed on every disk; run it again",
                             slots_text(outcome.left)));
    }
    Json object;
    object["host"] = host.name;
    object["id"] = uuid_text(host.id);
    object["freed"] = outcome.freed;
    object["left"] = outcome.left;
    object["evicted"] = Json::array();
    for (const HostView::Process& process : host.processes) {
        Json entry;
        entry["slot"] = process.slot;
        put_session(entry, process.record);
        object["evicted"].push_back(std::move(entry));
    }
    object["blocks_healed"] = healed.blocks;
    object["blocks_not_healed"] = healed.unhealable + healed.failed;
    out.object(std::move(object));
    return outcome.left.empty() ? 0 : exit_code(Code::no);
}

}  // namespace

Result<int> forget_host(const Invocation& call, Output& out) {
    if (!call.has("is-off")) {
        return usage(
            "only a host that is off for good may be forgotten, or one that has been started "
            "again and does not use the group; say so with --is-off");
    }
    auto opened = open_group(call, out, GroupWish{});
    if (!opened) return std::unexpected(opened.error());
    OpenGroup& group = **opened;
    const Superblock& common = group.roster().common;
    if (common.kinds() == DiskKinds::active) {
        return usage(fmt::format("group {} has active disks only: no host owns anything there",
                                 common.name));
    }
    const Survey before = survey(group);
    const Result<HostView> host = find_host(before, call.arguments().front());
    if (!host) return std::unexpected(host.error());
    if (auto fine = refuse_our_own(group, *host); !fine) return std::unexpected(fine.error());
    if (auto fine = refuse_missing_disks(group); !fine) return std::unexpected(fine.error());
    RowPrints rows(group.world(), group.roster(), host->slots);
    if (!group.run(rows.read(group.deadline()))) return std::unexpected(unread());
    if (auto fine = watch(group, *host, before); !fine) return std::unexpected(fine.error());
    const Result<node::ThisHost> us = node::this_host(common.group);
    if (!us) return std::unexpected(us.error());
    const Threshold rule = Threshold::majority(group.roster().disks());
    Forgetting forgetting(group.world(), group.roster(), rule, us->host, host->id);
    const Duration ttl = longest_ttl(*host, group);
    if (auto fine = confirm(*host, forgetting.length(ttl), call); !fine) {
        return std::unexpected(fine.error());
    }
    if (auto fine = evict(*host, call, out); !fine) return std::unexpected(fine.error());
    if (auto fine = wait(group, forgetting, ttl, out); !fine) return std::unexpected(fine.error());
    const Processes awake = renewed(*host, before, survey(group));
    if (!awake.empty()) return is_awake(*host, awake);
    if (auto fine = refuse_writers(group, *host, rows); !fine) {
        return std::unexpected(fine.error());
    }
    const auto outcome = group.run(forgetting.claim(group.timeout()));
    if (!outcome) return std::unexpected(outcome.error());
    const Result<HealReport> healed = heal(group, outcome->freed);
    if (!healed) return std::unexpected(healed.error());
    return tell(*host, *outcome, *healed, out);
}

}  // namespace diskpaxos::cli
