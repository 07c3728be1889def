#include "lock/hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "group/slot_count.hpp"

namespace diskpaxos {

namespace {

constexpr std::uint64_t minute_ms = 60'000;
constexpr std::uint64_t hour_ms = 60 * minute_ms;
constexpr std::uint64_t day_ms = 24 * hour_ms;
constexpr std::size_t most_named = 8;

using Hosts = std::map<std::pair<Uuid, std::string>, HostView>;

// A slot that has changed hands may still show the session of the host before: that one ended
// before the slot was taken, so the time of taking is the later one.
void add_session(HostView& host, std::uint16_t slot, const SessionRecord& record) {
    host.seen_ms = std::max(host.seen_ms, record.seen_ms);
    if (record.state == SessionState::live) {
        host.seen_ms = std::max(host.seen_ms, record.since_ms);
        host.processes.push_back({slot, record});
    }
}

// The clock of a host may have been set back since it took the slot: what it says of itself counts
// for more than the time.
bool is_of(const SessionRecord& record, const SlotEntry& owner) {
    return record.host_name == owner.host_name || record.is_of_boot(owner.boot);
}

void add_slot(Hosts& hosts, std::uint32_t slot, const Survey& survey) {
    const SlotView& view = survey.slots[slot];
    if (!view.known || !view.owner.held()) return;
    HostView& host = hosts[{view.owner.host, ""}];
    host.id = view.owner.host;
    if (view.owner.since_ms >= host.seen_ms || host.name.empty()) host.name = view.owner.host_name;
    host.seen_ms = std::max(host.seen_ms, view.owner.since_ms);
    (view.owner.state == SlotState::taken ? host.slots : host.lent).push_back(slot);
    const auto record = survey.session(static_cast<std::uint16_t>(slot));
    const bool of_before = record && record->state == SessionState::live && record->seen_ms != 0 &&
                           record->seen_ms < view.owner.since_ms && !is_of(*record, view.owner);
    if (record && !of_before) add_session(host, static_cast<std::uint16_t>(slot), *record);
}

std::string coarse(std::uint64_t ms) {
    if (ms >= 2 * day_ms) return fmt::format("{} d", ms / day_ms);
    return fmt::format("{} h", ms / hour_ms);
}

std::string plain(const std::string& text) {
    std::string result = text;
    for (char& c : result) {
        if (c < ' ' || c > '~') c = '?';
    }
    return result;
}

}  // namespace

std::vector<HostView> view_hosts(const Survey& survey) {
    Hosts hosts;
    bool any_slot = false;
    for (std::uint32_t slot = 0; slot < survey.slots.size(); ++slot) {
        any_slot = any_slot || survey.slots[slot].known;
        add_slot(hosts, slot, survey);
    }
    for (std::uint32_t slot = 0; slot < survey.slots.size() && !any_slot; ++slot) {
        const auto number = static_cast<std::uint16_t>(slot);
        const auto record = survey.session(number);
        if (!record || record->state == SessionState::evicted) continue;  // it names the evictor
        HostView& host = hosts[{Uuid(), record->host_name}];
        host.name = record->host_name;
        add_session(host, number, *record);
    }
    std::vector<HostView> list;
    for (auto& [key, host] : hosts) list.push_back(std::move(host));
    std::ranges::stable_sort(list, {}, &HostView::name);
    for (HostView& host : list) {
        const bool unique = std::ranges::count(list, host.name, &HostView::name) == 1;
        host.call = unique || host.id == Uuid() ? host.name : name_and_id(host.name, host.id);
    }
    return list;
}

std::string unseen_for_long(const std::vector<HostView>& hosts, std::uint64_t now_ms) {
    std::vector<const HostView*> unseen;
    for (const HostView& host : hosts) {
        // A session that has died says that it lives, but nothing renews it.
        if (host.seen_ms + hour_ms < now_ms) unseen.push_back(&host);
    }
    std::ranges::stable_sort(unseen, {}, &HostView::seen_ms);
    std::string text;
    for (std::size_t i = 0; i < std::min(unseen.size(), most_named); ++i) {
        text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", plain(unseen[i]->call),
                            coarse(now_ms - unseen[i]->seen_ms));
    }
    if (unseen.size() > most_named) text += fmt::format(" and {} more", unseen.size() - most_named);
    return text;
}

}  // namespace diskpaxos
