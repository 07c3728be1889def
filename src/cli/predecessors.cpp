#include "cli/predecessors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/told_once.hpp"
#include "cli/lock_view.hpp"
#include "lock/survey.hpp"
#include "lock/timing.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration between_looks = std::chrono::milliseconds(50);
constexpr Duration noticed = std::chrono::seconds(1);  // who waits for longer wants to know why

std::vector<Predecessor> predecessors(const std::vector<Candidate>& disks, node::RealWorld& real) {
    std::vector<Predecessor> found;
    for (const Candidate& disk : disks) {
        if (!disk.before.group) continue;
        const Superblock& superblock = *disk.before.group;
        auto known = std::ranges::find_if(found, [&](const Predecessor& group) {
            return group.superblock.group == superblock.group;
        });
        if (known == found.end()) {
            Predecessor group;
            group.superblock = superblock;
            group.longest_ttl = group.ttl();
            found.push_back(std::move(group));
            known = found.end() - 1;
        }
        known->disks.push_back(disk.path);
        if (used_here(disk, real)) known->used_here.push_back(disk.path);
    }
    return found;
}

Task<bool> pause(Clock& clock, Duration length) {
    co_await clock.sleep(length);
    co_return true;
}

Survey survey(OpenGroup& group) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    Surveyor surveyor(group.world(), group.roster(), rule);
    return group.run(surveyor.run(group.deadline()));
}

// A beat that has risen, or a session that was not there before, is a sign of life.
void note_sessions(const Survey& survey, bool first, Predecessor& before) {
    for (std::uint16_t slot = 0; slot < max_slots; ++slot) {
        const std::optional<SessionRecord> record = survey.session(slot);
        if (!record) continue;
        const Duration ttl = std::chrono::milliseconds(record->ttl_ms);
        before.longest_ttl = std::max(before.longest_ttl, ttl);
        const auto known = before.live.find(slot);
        if (record->state != SessionState::live) {
            before.live.erase(slot);
            continue;
        }
        Seen seen;
        seen.ref = SessionRef{slot, record->epoch()};
        const bool same = known != before.live.end() && known->second.ref == seen.ref;
        seen.renews =
            same ? known->second.renews || record->beat > known->second.record.beat : !first;
        seen.record = *record;
        before.live.insert_or_assign(slot, std::move(seen));
    }
}

// Cells in which a session may stand that we cannot see: neither a majority of the group's disks
// shows them whole, nor every disk that is named. Damage is no proof that nobody is there.
std::uint64_t unread_cells(const Survey& survey, const Predecessor& before) {
    const std::size_t needed = std::min(survey.votes.needed(), before.disks.size());
    return static_cast<std::uint64_t>(std::ranges::count_if(
        survey.votes.cells,
        [&](const Redundancy::Votes& cell) { return cell.of.size() < needed; }));
}

struct Sight {  // what one look could see
    std::uint64_t cells = 0;
    std::uint64_t unread = 0;
    bool forbidden = false;  // some of it is not for us to see

    bool all() const { return unread == 0 && !forbidden; }
};

Sight look(OpenGroup& group, bool first, Predecessor& before) {
    const Survey seen = survey(group);
    note_sessions(seen, first, before);
    Sight sight;
    sight.cells = seen.cells;
    sight.unread = unread_cells(seen, before);
    sight.forbidden = std::ranges::any_of(seen.disks, [](const SurveyedDisk& disk) {
        return disk.error == EACCES || disk.unseen > 0;
    });
    return sight;
}

bool all_renew(const Predecessor& before) {
    return std::ranges::all_of(before.live, [](const auto& one) { return one.second.renews; });
}

// A bit more than one interval between two signs of life, as `explain` does, but no longer than
// --timeout. Where nobody has a session there is nothing to watch; but a row that was in the middle
// of a write is read again.
Sight watch(OpenGroup& group, Predecessor& before, Output& out) {
    const Clock& clock = group.world().clock;
    const Instant begun = clock.now();
    bool told = out.json();
    for (bool first = true;; first = false) {
        const Sight sight = look(group, first, before);
        before.watched = clock.now() - begun;
        const Duration renewal = Timing(before.longest_ttl).renewal();
        const Duration enough = std::min(renewal * 6 / 5 + 2 * between_looks, group.timeout());
        const bool done = sight.all() && all_renew(before);
        if (done || sight.forbidden || before.watched >= enough) return sight;
        if (!told && enough > noticed) {
            out.warn(fmt::format("watching group \"{}\" for up to {}, whether somebody uses it",
                                 before.name(), brief(enough)));
            told = true;
        }
        group.run(pause(group.world().clock, std::max(between_looks, renewal / 8)));
    }
}

// Silence is not a no: who works there is on cells that we cannot read.
Error not_known(const Predecessor& before, Code code, const std::string& why) {
    return {code, fmt::format("whether somebody uses group \"{}\" on {} cannot be known: {}",
                              before.name(), list(before.disks), why)};
}

Error with_remedy(Error unknown) {
    unknown.sentence +=
        fmt::format("; nothing was written; bring back what is missing, or put out all who may be "
                    "there with --evict, which waits for the longest TTL that there can be, {}, and "
                    "half a minute or more, or wipe the disks yourself",
                    brief(longest_ttl_ever));
    return unknown;
}

Error not_known(const Predecessor& before, const Sight& sight) {
    if (sight.forbidden) return not_known(before, Code::permission, "its cells cannot be read");
    return not_known(before, Code::no_quorum,
                     fmt::format("{} of its {} cells cannot be read on {}", sight.unread,
                                 sight.cells,
                                 before.majority() ? "a majority of its disks" : "each of them"));
}

// What cannot be known of a group of which the disks at hand are a minority.
std::string beyond(const Predecessor& before) {
    if (before.majority()) return "";
    return fmt::format(
        " (only {} of the {} disks of that group {} named: who works on the others "
        "alone is not seen here)",
        before.disks.size(), before.superblock.disks.size(),
        before.disks.size() == 1 ? "is" : "are");
}

std::string life_of(const Seen& seen, const Predecessor& before) {
    if (seen.renews) return name_of(seen) + ", renews its session";
    return fmt::format(
        "{}, has not renewed its session in the {} that it was watched, and may be "
        "dead or only stopped",
        name_of(seen), brief(before.watched));
}

Error in_use(const Predecessor& before) {
    std::vector<std::string> who;
    for (const auto& [slot, seen] : before.live) who.push_back(life_of(seen, before));
    if (who.empty()) {
        who.push_back(fmt::format("a process of this host has {} open", list(before.used_here)));
    }
    return {Code::in_use,
            fmt::format("group \"{}\" on {} is in use: {}{}; nothing was written; end them, or put "
                        "them out with --evict",
                        before.name(), list(before.disks), fmt::join(who, "; "), beyond(before))};
}

// Of a disk of which no superblock says that it is a group's.
Result<void> refuse_unknown_user(const Candidate& disk, node::RealWorld& real, bool evict) {
    if (disk.before.newer) {
        return std::unexpected(
            Error{Code::bad_data,
                  fmt::format("{} holds a diskpaxos group of a newer format, and whether somebody "
                              "uses it cannot be known; nothing was written; use a newer "
                              "diskpaxos, or wipe the disk yourself",
                              disk.path)});
    }
    if (disk.before.error != 0) {
        return std::unexpected(
            Error{disk.before.error == EACCES ? Code::permission : Code::io,
                  fmt::format("{}: whether it belongs to a group cannot be read: {}; nothing was "
                              "written; wipe it yourself, if it may go",
                              disk.path, std::strerror(disk.before.error))});
    }
    const bool store = std::ranges::count(disk.content, agent_store) > 0;
    if (disk.before.group && !store) return {};  // look_at_users() asks
    if (disk.before.retired && evict) return {};  // those whom an earlier one has put out
    if (!used_here(disk, real)) return {};
    return std::unexpected(
        Error{Code::in_use,
              fmt::format("{}: {}; nothing was written", disk.path,
                          store ? "an agent serves this store; stop that diskpaxos-agent first"
                                : "a process of this host has it open; end it (fuser names it)")});
}

Result<void> look_at(Predecessor& before, const Invocation& call, Output& out) {
    const Result<node::OpenOptions> options = looking_at(before, call);
    if (!options) return std::unexpected(options.error());
    const auto group = OpenGroup::open(*options);
    if (!group) {
        const Error& why = group.error();
        const Code code = why.code == Code::permission ? why.code : Code::no_quorum;
        before.unknown = not_known(before, code, why.sentence);
        return {};
    }
    const Sight sight = watch(**group, before, out);
    if (!sight.all()) before.unknown = not_known(before, sight);
    return {};
}

}  // namespace

std::string name_of(const Seen& seen) {
    return fmt::format("host {}, pid {} (\"{}\")", printable(seen.record.host_name),
                       seen.record.pid, printable(seen.record.command));
}

std::string lives_on(const Predecessor& before) {
    if (before.majority()) return "";
    return fmt::format("only {} of the {} disks of group \"{}\" {} named: it goes on without {}, and "
                       "who works on its other disks alone is not seen here",
                       before.disks.size(), before.superblock.disks.size(), before.name(),
                       before.disks.size() == 1 ? "is" : "are", list(before.disks));
}

Result<node::OpenOptions> looking_at(const Predecessor& before, const Invocation& call) {
    const Result<Duration> timeout = call.timeout();
    if (!timeout) return std::unexpected(timeout.error());
    const auto backend = call.backend();
    if (!backend) return std::unexpected(backend.error());
    node::OpenOptions options;
    options.disks = before.disks;
    options.access = io::Access::read;
    options.quorum = false;
    options.timeout = *timeout;
    options.backend = *backend;
    return options;
}

Result<void> refuse_unknown_users(const std::vector<Candidate>& disks, node::RealWorld& real,
                                  const Invocation& call) {
    for (const Candidate& disk : disks) {
        if (auto fine = refuse_unknown_user(disk, real, call.has("evict")); !fine) return fine;
    }
    return {};
}

Result<std::vector<Predecessor>> look_at_users(const std::vector<Candidate>& disks,
                                               node::RealWorld& real, const Invocation& call,
                                               Output& out) {
    std::vector<Predecessor> groups = predecessors(disks, real);
    for (Predecessor& before : groups) {
        if (auto fine = look_at(before, call, out); !fine) return std::unexpected(fine.error());
    }
    return groups;
}

Result<void> refuse_users(const std::vector<Predecessor>& groups) {
    for (const Predecessor& before : groups) {
        // What was seen is said first: that others may be there as well changes nothing then.
        if (!before.live.empty() || (!before.unknown && before.in_use())) {
            return std::unexpected(in_use(before));
        }
        if (before.unknown) return std::unexpected(with_remedy(*before.unknown));
    }
    return {};
}

}  // namespace diskpaxos::cli
