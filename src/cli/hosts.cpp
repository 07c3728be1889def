// `hosts`: which hosts own which slots, when something was last seen of them, and what runs there.
#include "cli/hosts.hpp"

#include <fmt/format.h>

#include "cli/lock_view.hpp"
#include "cli/surveyed.hpp"
#include "cli/table.hpp"

namespace diskpaxos::cli {

namespace {

struct Count {
    std::size_t free = 0;
    std::size_t barred = 0;
    std::size_t unknown = 0;
};

Count count(const Survey& survey) {
    Count slots;
    for (const SlotView& slot : survey.slots) {
        if (!slot.known)
            ++slots.unknown;
        else if (slot.claimable)
            ++slots.free;
        else if (!slot.owner.held())
            ++slots.barred;
    }
    return slots;
}

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

void show_hosts(const std::vector<HostView>& hosts, const Uuid& us, std::uint64_t now_ms,
                Output& out) {
    Table table({"HOST", "SLOTS", "LAST SEEN", "PROCESSES", "ID"});
    for (const HostView& host : hosts) {
        std::string slots = numbers(host.slots);
        if (!host.lent.empty()) {
            slots += fmt::format("{}{} for healing", slots.empty() ? "" : "; ", numbers(host.lent));
        }
        const bool own = host.id == us;
        table.row({printable(host.name) + (own ? " (this one)" : ""), slots.empty() ? "-" : slots,
                   ago(host.seen_ms, now_ms), fmt::format("{}", host.processes.size()),
                   host.id == Uuid() ? "-" : uuid_text(host.id).substr(0, 8)},
                  0, own ? Colour::good : Colour::none);
    }
    table.print(out);
}

void show_processes(const std::vector<HostView>& hosts, std::uint64_t now_ms, Output& out) {
    Table table({"HOST", "PID", "SLOT", "SINCE", "RENEWED", "COMMAND"});
    for (const HostView& host : hosts) {
        for (const HostView::Process& process : host.processes) {
            const SessionRecord& record = process.record;
            table.row({printable(host.name), fmt::format("{}", record.pid),
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

Result<int> show(const Invocation& call, Output& out) {
    const auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const Superblock& common = at->group->roster().common;
    const Result<node::ThisHost> us = node::this_host(common.group);
    const Uuid own = us && common.kinds() != DiskKinds::active ? us->host.id : Uuid();
    const std::vector<HostView> hosts = view_hosts(at->survey);
    if (hosts.empty())
        out.line("no host has a slot or a session");
    else
        show_hosts(hosts, own, at->now_ms, out);
    show_processes(hosts, at->now_ms, out);
    const bool any_slots = common.kinds() != DiskKinds::active;
    const Count slots = count(at->survey);
    if (any_slots) {
        std::string text = fmt::format("{} slots, {} free", at->survey.slots.size(), slots.free);
        if (slots.barred > 0) text += fmt::format(", {} free but for a claim", slots.barred);
        if (slots.unknown > 0) text += fmt::format(", {} not known", slots.unknown);
        out.line("");
        out.line(text);
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
    return 0;
}

}  // namespace

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
