#include "cli/lock_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/named_json.hpp"

namespace diskpaxos::cli {

namespace {

Party holder(const Survey& survey, const Holder& named, LockMode mode) {
    Party party{.session = named.session, .mode = mode, .token = named.token, .record = {}};
    party.fate = survey.fate(named.session);
    auto record = survey.session(named.session.slot);
    if (record && record->epoch() == named.session.epoch) party.record = std::move(record);
    return party;
}

Party waiter(const Survey& survey, const Waiter& named) {
    Party party{.session = {named.slot, named.epoch}, .mode = named.mode, .record = {}};
    auto record = survey.session(named.slot);
    if (!record) return party;
    const SessionRef present{named.slot, record->epoch()};
    party.fate = Fate::superseded;
    if (!named.is(present)) return party;
    party.session = present;
    party.fate = fate_of(present, record);
    party.record = std::move(record);
    return party;
}

}  // namespace

LockView view_lock(const Survey& survey, const SurveyedCell& cell) {
    LockView view;
    view.name = cell.name;
    view.version = cell.version;
    view.standing = cell.standing;
    view.disks = cell.disks;
    auto record = survey.lock(cell);
    view.damaged = !record;
    if (!record) return view;
    const LockMode mode = record->exclusive ? LockMode::exclusive : LockMode::shared;
    for (const Holder& named : record->holders) {
        Party party = holder(survey, named, mode);
        (may_act(party.fate) ? view.holders : view.ended).push_back(std::move(party));
    }
    for (const Waiter& named : record->waiters) view.waiters.push_back(waiter(survey, named));
    view.record = std::move(*record);
    return view;
}

std::vector<LockView> view_locks(const Survey& survey) {
    std::vector<LockView> locks;
    for (const SurveyedCell& cell : survey.names) {
        if (cell.state == CellState::lock) locks.push_back(view_lock(survey, cell));
    }
    return locks;
}

// ---- words ----

std::string brief(Duration duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(seconds);
    if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
    return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

Duration since(std::uint64_t then_ms, std::uint64_t now_ms) {
    return std::chrono::milliseconds(now_ms - std::min(then_ms, now_ms));
}

std::string clock_time(std::uint64_t unix_ms) {
    return fmt::format("{} UTC", rfc3339(unix_ms).substr(11, 8));
}

std::int64_t in_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

const char* describe(SessionState state) {
    switch (state) {
        case SessionState::live: return "live";
        case SessionState::left: return "left";
        case SessionState::evicted: return "evicted";
    }
    return "";
}

const char* describe(LockMode mode) {
    return mode == LockMode::exclusive ? "exclusive" : "shared";
}

std::string who(const Party& party) {
    if (!party.record || party.fate == Fate::evicted) {
        return fmt::format("a session of slot {}", party.session.slot);
    }
    return fmt::format("host {}, pid {}", printable(party.record->host_name), party.record->pid);
}

std::string command_of(const Party& party) {
    return party.record ? printable(party.record->command) : "";
}

// ---- objects ----

// Of one that was evicted, host and pid are the evictor's: it tells nothing of its own any more.
void put_session(Json& object, const SessionRecord& record) {
    const bool own = record.state != SessionState::evicted;
    object["host"] = nullptr;
    if (own) put_text(object, "host", record.host_name);
    object["pid"] = own ? Json(record.pid) : Json();
    put_text(object, "command", record.command);
    object["since"] = rfc3339(record.since_ms);
    object["ttl_ms"] = record.ttl_ms;
    object["evicted_by_host"] = nullptr;
    if (!own) put_text(object, "evicted_by_host", record.host_name);
    object["evicted_by_pid"] = own ? Json() : Json(record.pid);
}

Json described(const Party& party) {
    Json object;
    object["slot"] = party.session.slot;
    object["epoch"] = party.session.epoch;
    object["mode"] = describe(party.mode);
    object["token"] = party.token == 0 ? Json() : Json(party.token);
    object["session"] = describe(party.fate);
    for (const char* key :
         {"host", "pid", "command", "since", "ttl_ms", "evicted_by_host", "evicted_by_pid"}) {
        object[key] = nullptr;
    }
    if (party.record) put_session(object, *party.record);
    return object;
}

Json described(const std::vector<DiskSays>& disks, const Survey& survey) {
    Json list = Json::array();
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        Json entry;
        entry["disk"] = survey.disks[disk].name;
        entry["says"] = describe(disks[disk]);
        list.push_back(std::move(entry));
    }
    return list;
}

Json described(const LockView& lock, const Survey& survey) {
    const auto parties = [](const std::vector<Party>& all) {
        Json array = Json::array();
        for (const Party& party : all) array.push_back(described(party));
        return array;
    };
    Json object;
    put_text(object, "name", lock.name);
    object["state"] = lock.damaged    ? "damaged"
                      : lock.held()   ? "held"
                      : lock.unsure() ? "unknown"
                                      : "free";
    object["mode"] = lock.held() ? Json(lock.record.exclusive ? "exclusive" : "shared") : Json();
    object["token"] = lock.record.token;
    object["version"] = lock.version;
    object["standing"] = describe(lock.standing);
    object["holders"] = parties(lock.holders);
    object["ended"] = parties(lock.ended);
    object["waiters"] = parties(lock.waiters);
    put_value(object, lock.record.value);
    object["value_doubtful"] = lock.record.doubtful;
    object["disks"] = described(lock.disks, survey);
    return object;
}

}  // namespace diskpaxos::cli
