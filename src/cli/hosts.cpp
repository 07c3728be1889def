// `hosts`: which hosts own which slots, when something was last seen of them, and what runs there.
#include "cli/hosts.hpp"

#include <fmt/format.h>

#include "cli/lock_view.hpp"
#include "cli/surveyed.hpp"
#include "cli/table.hpp"

namespace diskpaxos::cli {

namespace {

std::string numbers(const std::vector<std::uint32_t>& slots) {
    std::string text;
    for (std::size_t i = 0; i < slots.size();) {
        std::size_t last = i;
        while (last + 1 < slots.size() && slots[last + 1] == slots[last] + 1) ++last;
        text += fmt::format("{}{}", text.empty() ? "" : ", ", slots[i]);
        if (last > i) text += fmt::format("{}{}", last == i + 1 ? ", " : " to ", slots[last]);
        i = last + 1;
    }
    return text;
}

std::string ago(std::uint64_t then_ms, std::uint64_t now_ms) {
    return then_ms == 0 ? "-" : brief(since(then_ms, now_ms)) + " ago";
}

bool silent(const SessionRecord& record, std::uint64_t now_ms) {
    return record.seen_ms != 0 &&
           since(record.seen_ms, now_ms) > std::chrono::milliseconds(record.ttl_ms);
}

void show_hosts(const std::vector<HostView>& hosts, const Uuid& us, bool any_slots,
                std::uint64_t now_ms, Output& out) {
    Table table(any_slots ? std::vector<std::string>{"HOST", "SLOTS", "LAST SEEN", "PROCESSES", "ID"}
                          : std::vector<std::string>{"HOST", "LAST SEEN", "PROCESSES"});
    for (const HostView& host : hosts) {
        std::string slots = numbers(host.slots);
        if (!host.lent.empty()) {
            slots += fmt::format("{}{} for healing", slots.empty() ? "" : "; ", numbers(host.lent));
        }
        const bool own = host.id == us && any_slots;
        const std::string name = printable(host.name) + (own ? " (this one)" : "");
        const std::string seen = ago(host.seen_ms, now_ms);
        const std::string processes = fmt::format("{}", host.processes.size());
        const std::string id = host.id == Uuid() ? "-" : uuid_text(host.id).substr(0, 8);
        if (any_slots) {
            table.row({name, slots.empty() ? "-" : slots, seen, processes, id}, 0,
                      own ? Colour::good : Colour::none);
        } else {
            table.row({name, seen, processes});
        }
    }
    table.print(out);
}

void show_processes(const std::vector<HostView>& hosts, std::uint64_t now_ms, Output& out) {
    Table table({"HOST", "PID", "SLOT", "SINCE", "RENEWED", "COMMAND"});
    for (const HostView& host : hosts) {
        for (const HostView::Process& process : host.processes) {
            const SessionRecord& record = process.record;
            table.row({printable(host.call), fmt::format("{}", record.pid),
                       fmt::format("{}", process.slot), ago(record.since_ms, now_ms),
                       ago(record.seen_ms, now_ms), printable(record.command)},
                      4, silent(record, now_ms) ? Colour::bad : Colour::none);
        }
    }
    if (table.empty()) return;
    out.line("");
    table.print(out);
}

Json described(const HostView& host, const Uuid& us, std::uint64_t now_ms) {
    Json object;
    object["host"] = host.name;
    object["id"] = host.id == Uuid() ? Json() : Json(uuid_text(host.id));
    object["this_host"] = host.id == us;
    object["slots"] = host.slots;
    object["slots_for_healing"] = host.lent;
    object["last_seen"] = host.seen_ms == 0 ? Json() : Json(rfc3339(host.seen_ms));
    object["last_seen_ago_ms"] =
        host.seen_ms == 0 ? Json() : Json(in_ms(since(host.seen_ms, now_ms)));
    object["processes"] = Json::array();
    for (const HostView::Process& process : host.processes) {
        const SessionRecord& record = process.record;
        Json entry;
        entry["slot"] = process.slot;
        put_session(entry, record);
        entry["renewed"] = record.seen_ms == 0 ? Json() : Json(rfc3339(record.seen_ms));
        entry["silent"] = silent(record, now_ms);
        object["processes"].push_back(std::move(entry));
    }
    return object;
}

std::string unknown_text(const Surveyed& at) {
    if (at.blind()) return "which hosts there are is not for us to see";
    return fmt::format("which hosts there are cannot be known: {} of {} disks {}, and it takes {} to tell",
                       at.answered(), at.disks(), at.answered() == 1 ? "answers" : "answer",
                       at.needed());
}

Result<int> show(const Invocation& call, Output& out) {
    const auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const Superblock& common = at->group->roster().common;
    const Result<node::ThisHost> us = node::this_host(common.group);
    const Uuid own = us && common.kinds() != DiskKinds::active ? us->host.id : Uuid();
    const std::vector<HostView> hosts = view_hosts(at->survey);
    const bool any_slots = common.kinds() != DiskKinds::active;
    const SlotCount slots = count_slots(at->survey.slots);
    if (!hosts.empty()) show_hosts(hosts, own, any_slots, at->now_ms, out);
    else if (!at->survey.majority) out.line(unknown_text(*at));
    else out.line("no host has a slot or a session");
    show_processes(hosts, at->now_ms, out);
    if (any_slots) {
        out.line("");
        out.line(fmt::format("{}, {}", counted(at->survey.slots.size(), "slot", "slots"),
                             free_text(slots)));
    }
    Json object;
    object["time"] = rfc3339(at->now_ms);
    object["majority"] = at->survey.majority;
    object["slots"] = any_slots ? Json(at->survey.slots.size()) : Json();
    object["free"] = any_slots ? Json(slots.free) : Json();
    object["claimed"] = any_slots ? Json(slots.barred) : Json();
    object["unknown"] = any_slots ? Json(slots.unknown) : Json();
    object["hosts"] = Json::array();
    for (const HostView& host : hosts) object["hosts"].push_back(described(host, own, at->now_ms));
    out.object(std::move(object));
    if (at->blind()) return exit_code(Code::permission);
    return at->survey.majority ? 0 : exit_code(Code::no_quorum);
}

}  // namespace

std::string free_text(const SlotCount& count) {
    std::string text = fmt::format("{} free", count.free);
    if (count.barred > 0) text += fmt::format(", {} free but for a claim", count.barred);
    if (count.unknown > 0) text += fmt::format(", {} not known", count.unknown);
    return text;
}

std::string slots_text(const std::vector<std::uint32_t>& slots) {
    return fmt::format("slot{} {}", slots.size() == 1 ? "" : "s", numbers(slots));
}

Result<int> run_hosts(const Invocation& call, Output& out) {
    if (*call.form().word != 0) return forget_host(call, out);
    if (call.has("is-off") || call.has("force")) {
        return usage("--is-off and --force belong to \"diskpaxos hosts forget HOST\"");
    }
    return show(call, out);
}

}  // namespace diskpaxos::cli
