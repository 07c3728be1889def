// `break`: evicts the sessions that hold a lock, after asking. Agreed by a majority: from then on
// they cannot renew. What they had started may still run until their leases are over.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/lock_view.hpp"
#include "cli/named_json.hpp"
#include "cli/surveyed.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos::cli {

namespace {

std::string holder_text(const Party& party) {
    std::string text = who(party);
    if (const std::string command = command_of(party); !command.empty()) {
        text += fmt::format(": \"{}\"", command);
    }
    return text + fmt::format(" (slot {}, token {})", party.session.slot, party.token);
}

Duration lease_of(const Party& party, Duration group_ttl) {
    const Duration ttl =
        party.record ? Duration(std::chrono::milliseconds(party.record->ttl_ms)) : group_ttl;
    return Timing(ttl).observe();
}

// Every other lock that this session holds: they go with it.
std::vector<std::string> other_locks(const std::vector<LockView>& locks, const std::string& broken,
                                     const SessionRef& session) {
    std::vector<std::string> names;
    for (const LockView& lock : locks) {
        const bool holds = std::ranges::any_of(
            lock.holders, [&](const Party& party) { return party.session == session; });
        if (holds && lock.name != broken)
            names.push_back(fmt::format("\"{}\"", printable(lock.name)));
    }
    return names;
}

Result<void> confirm(const std::string& name, const std::vector<Party>& parties,
                     const std::vector<LockView>& locks, Duration group_ttl,
                     const Invocation& call) {
    if (call.has("force")) return {};
    std::string text;
    for (const Party& party : parties) {
        text +=
            fmt::format("{}lock \"{}\" is held by {}; it may still act for {} after it is evicted",
                        text.empty() ? "" : "; ", printable(name), holder_text(party),
                        brief(lease_of(party, group_ttl)));
        const auto others = other_locks(locks, name, party.session);
        if (!others.empty()) text += fmt::format(", and {} will be lost too", list(others));
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return std::unexpected(
            Error{Code::no, text + "; nothing was done, --force does it without asking"});
    }
    fmt::print(stderr, "{}.\nThe next holder will not wait for that. Type yes to go on: ", text);
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "yes") return {};
    return std::unexpected(Error{Code::no, "the answer was not yes; nothing was done"});
}

struct Eviction {
    Party party;
    bool done = false;  // false: it had ended by itself
    std::uint64_t acts_until_ms = 0;
    Duration acts_for{};
    std::vector<std::string> other_locks;
};

Task<Result<bool>> evict(World& world, Directory& directory, SessionRef session, Evictor evictor,
                         Instant deadline) {
    SessionWatch watch(world, directory, session);
    const Result<Liveness> ended = co_await watch.evict_now(std::move(evictor), deadline);
    if (!ended) co_return std::unexpected(ended.error());
    const Result<Named> cell = co_await directory.get(session_name(session.slot), deadline);
    if (!cell) co_return std::unexpected(cell.error());
    const auto record = decode_session(cell->value);
    co_return record && record->epoch() == session.epoch && record->state == SessionState::evicted;
}

Json described(const Eviction& eviction) {
    Json object = described(eviction.party);
    object["session"] = eviction.done ? "evicted" : "over";
    object["acts_until"] = eviction.done ? Json(rfc3339(eviction.acts_until_ms)) : Json();
    object["acts_for_at_most_ms"] = eviction.done ? in_ms(eviction.acts_for) : 0;
    object["other_locks"] = eviction.other_locks;
    return object;
}

void show(const Eviction& eviction, Output& out) {
    if (!eviction.done) {
        return out.line(fmt::format("it had ended by itself: {}", holder_text(eviction.party)));
    }
    out.line(fmt::format("evicted: {}", holder_text(eviction.party)));
    out.line(
        fmt::format("  what it guards may still run until {} (for {}); later holdings have "
                    "larger tokens",
                    clock_time(eviction.acts_until_ms), brief(eviction.acts_for)));
    if (!eviction.other_locks.empty()) {
        out.line(fmt::format("  it has lost {} as well", list(eviction.other_locks)));
    }
}

// Who can be evicted: those that their session's cell still tells of. `busy` if there are others
// only, who cannot be hurried.
Result<std::vector<Party>> evictable(const LockView& lock) {
    std::vector<Party> parties;
    for (const Party& party : lock.holders) {
        if (party.fate == Fate::live) parties.push_back(party);
    }
    if (!parties.empty()) return parties;
    const std::string name = printable(lock.name);
    if (!lock.held()) {
        return std::unexpected(Error{Code::no, fmt::format("nobody holds lock \"{}\"", name)});
    }
    return std::unexpected(Error{
        Code::no, fmt::format("lock \"{}\" is held by a session of slot {} that was cut short "
                              "already; it is free when its lease is over",
                              name, lock.holders.front().session.slot)});
}

Result<LockView> look_at(OpenGroup& group, Directory& directory, const std::string& name,
                         std::vector<LockView>& locks) {
    // Settles what is in motion, and refuses without a majority.
    const Result<Named> cell = group.run(directory.get(name, group.deadline()));
    if (!cell) return std::unexpected(cell.error());
    const bool blank = cell->state == CellState::unset || cell->state == CellState::deleted;
    if (blank) {
        return std::unexpected(Error{Code::no, fmt::format("nobody holds lock \"{}\"", name)});
    }
    if (cell->state != CellState::lock) {
        return usage(fmt::format("\"{}\" is no lock; it holds a value", name));
    }
    const Threshold rule = Threshold::majority(group.roster().disks());
    Surveyor surveyor(group.world(), group.roster(), rule);
    const Survey survey = group.run(surveyor.run(group.deadline()));
    locks = view_locks(survey);
    const auto found = std::ranges::find(locks, name, &LockView::name);
    if (found != locks.end()) return *found;
    return std::unexpected(Error{Code::bad_data, fmt::format("lock \"{}\" cannot be read", name)});
}

}  // namespace

Result<int> run_break(const Invocation& call, Output& out) {
    const std::string& name = call.arguments().front();
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    auto joined = join_group(call, out);
    if (!joined) return std::unexpected(joined.error());
    OpenGroup& group = **joined;
    Directory directory(group.group());
    std::vector<LockView> locks;
    const Result<LockView> lock = look_at(group, directory, name, locks);
    if (!lock) return std::unexpected(lock.error());
    const auto parties = evictable(*lock);
    if (!parties) return std::unexpected(parties.error());
    const Duration group_ttl = std::chrono::milliseconds(directory.ttl_ms());
    if (auto fine = confirm(name, *parties, locks, group_ttl, call); !fine) {
        return std::unexpected(fine.error());
    }
    const Result<node::ThisHost> host = node::this_host(group.roster().common.group);
    if (!host) return std::unexpected(host.error());
    const Evictor evictor{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid())};
    Json object;
    put_text(object, "name", name);
    object["evicted"] = Json::array();
    for (const Party& party : *parties) {
        const Result<bool> done =
            group.run(evict(group.world(), directory, party.session, evictor, group.deadline()));
        if (!done) return std::unexpected(done.error());
        if (*done) out.changed();
        Eviction eviction{.party = party, .done = *done, .other_locks = {}};
        eviction.acts_for = lease_of(party, group_ttl);
        eviction.acts_until_ms =
            node::unix_ms() + static_cast<std::uint64_t>(in_ms(eviction.acts_for));
        eviction.other_locks = other_locks(locks, name, party.session);
        show(eviction, out);
        object["evicted"].push_back(described(eviction));
    }
    out.object(std::move(object));
    return 0;
}

}  // namespace diskpaxos::cli
