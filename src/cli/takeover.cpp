#include "cli/takeover.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration between_looks = std::chrono::milliseconds(50);
// Of a session: the bound of --ttl, here and for `run`.
constexpr auto longest_ttl_ever = std::chrono::hours(1);

// A group as far as its disks are among those that are to be overwritten.
struct Predecessor {
    Superblock superblock;
    std::vector<std::string> disks;
    std::vector<std::string> used_here;  // by a process of this host

    std::string name() const { return printable(superblock.name); }
    bool majority() const { return disks.size() > superblock.disks.size() / 2; }
    Duration ttl() const { return std::chrono::milliseconds(superblock.ttl_ms); }
};

struct Seen {  // a session that is in it
    SessionRef ref;
    SessionRecord record;
    bool renews = false;
};

struct Watched {
    std::map<std::uint16_t, Seen> live;  // by slot
    Duration longest_ttl{};              // that any session there published
    Duration length{};
    bool readable = false;  // the cells of a majority of its disks, or of all that are named
    bool forbidden = false;  // some that are not are not for us to see
};

std::vector<Predecessor> predecessors(const std::vector<Candidate>& disks, node::RealWorld& real) {
    std::vector<Predecessor> found;
    for (const Candidate& disk : disks) {
        if (!disk.before.group) continue;
        const Superblock& superblock = *disk.before.group;
        auto known = std::ranges::find_if(found, [&](const Predecessor& group) {
            return group.superblock.group == superblock.group;
        });
        if (known == found.end()) {
            found.push_back({.superblock = superblock, .disks = {}, .used_here = {}});
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
void note_sessions(const Survey& survey, bool first, Watched& watched) {
    for (std::uint16_t slot = 0; slot < max_slots; ++slot) {
        const std::optional<SessionRecord> record = survey.session(slot);
        if (!record) continue;
        const Duration ttl = std::chrono::milliseconds(record->ttl_ms);
        watched.longest_ttl = std::max(watched.longest_ttl, ttl);
        const auto known = watched.live.find(slot);
        if (record->state != SessionState::live) {
            watched.live.erase(slot);
            continue;
        }
        Seen seen;
        seen.ref = SessionRef{slot, record->epoch()};
        const bool same = known != watched.live.end() && known->second.ref == seen.ref;
        seen.renews =
            same ? known->second.renews || record->beat > known->second.record.beat : !first;
        seen.record = *record;
        watched.live.insert_or_assign(slot, std::move(seen));
    }
}

bool all_renew(const Watched& watched) {
    return std::ranges::all_of(watched.live, [](const auto& one) { return one.second.renews; });
}

// A bit more than one interval between two signs of life, as `explain` does, but no longer than
// --timeout. Where nobody has a session there is nothing to watch.
Watched watch(OpenGroup& group, const Predecessor& before) {
    Watched watched;
    watched.longest_ttl = before.ttl();
    const Clock& clock = group.world().clock;
    const Instant begun = clock.now();
    for (bool first = true;; first = false) {
        const Survey seen = survey(group);
        const auto answered = static_cast<std::size_t>(std::ranges::count_if(
            seen.disks, [](const SurveyedDisk& disk) { return disk.answered && disk.error == 0; }));
        watched.readable = seen.majority || answered == before.disks.size();
        watched.forbidden = std::ranges::any_of(seen.disks, [](const SurveyedDisk& disk) {
            return disk.error == EACCES || disk.unseen > 0;
        });
        if (watched.forbidden) watched.readable = false;
        note_sessions(seen, first, watched);
        watched.length = clock.now() - begun;
        const Duration renewal = Timing(watched.longest_ttl).renewal();
        const Duration enough = std::min(renewal * 6 / 5 + 2 * between_looks, group.timeout());
        if (all_renew(watched) || watched.length >= enough) return watched;
        group.run(pause(group.world().clock, std::max(between_looks, renewal / 8)));
    }
}

std::string name_of(const Seen& seen) {
    return fmt::format("host {}, pid {} (\"{}\")", printable(seen.record.host_name),
                       seen.record.pid, printable(seen.record.command));
}

std::string life_of(const Seen& seen, const Watched& watched) {
    if (seen.renews) return name_of(seen) + ", renews its session";
    return fmt::format(
        "{}, has not renewed its session in the {} that it was watched, and may be "
        "dead or only stopped",
        name_of(seen), brief(watched.length));
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

Error in_use(const Predecessor& before, const Watched& watched) {
    std::vector<std::string> who;
    for (const auto& [slot, seen] : watched.live) who.push_back(life_of(seen, watched));
    if (who.empty()) {
        who.push_back(fmt::format("a process of this host has {} open", list(before.used_here)));
    }
    return {Code::in_use,
            fmt::format("group \"{}\" on {} is in use: {}{}; nothing was written; end them, or put "
                        "them out with --evict",
                        before.name(), list(before.disks), fmt::format("{}", fmt::join(who, "; ")),
                        beyond(before))};
}

// Silence is not a no: who works there is on cells that we cannot read.
Error not_known(const Predecessor& before, const Watched& watched, const Error* opening) {
    const bool forbidden = opening == nullptr ? watched.forbidden
                                              : opening->code == Code::permission;
    return {forbidden ? Code::permission : Code::no_quorum,
            fmt::format("whether somebody uses group \"{}\" on {} cannot be known: {}; bring back what "
                        "is missing, or put out all who may be there with --evict, which waits for "
                        "the longest TTL that there can be, {}, or wipe the disks yourself",
                        before.name(), list(before.disks),
                        opening == nullptr ? "its cells cannot be read" : opening->sentence,
                        brief(longest_ttl_ever))};
}

Result<Evictor> this_evictor(const Uuid& group) {
    const Result<node::ThisHost> host = node::this_host(group);
    if (!host) return std::unexpected(host.error());
    return Evictor{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid())};
}

Task<Result<Liveness>> evict(World& world, Directory& directory, SessionRef session,
                             Evictor evictor, Instant deadline) {
    SessionWatch watch(world, directory, session);
    auto evicting = watch.evict_now(std::move(evictor), deadline);
    co_return co_await evicting;
}

// By a change of each session's cell that a majority agrees to. It says what to whom: their leases
// end all the same, since none of them can renew on disks that were overwritten.
Result<void> evict_all(const Predecessor& before, const node::OpenOptions& options,
                       const Watched& watched, Takeover& takeover) {
    const Result<Evictor> us = this_evictor(before.superblock.group);
    if (!us) return std::unexpected(us.error());
    node::OpenOptions writing = options;
    writing.access = io::Access::write;
    writing.quorum = true;
    auto group = OpenGroup::join(std::move(writing));
    if (!group) return std::unexpected(group.error());
    Directory directory((*group)->group());
    for (const auto& [slot, seen] : watched.live) {
        const Result<Liveness> gone =
            (*group)->run(evict((*group)->world(), directory, seen.ref, *us, (*group)->deadline()));
        if (!gone) return std::unexpected(gone.error());
        Json object;
        object["group"] = before.superblock.name;
        object["slot"] = slot;
        put_session(object, seen.record);
        takeover.evicted.push_back(std::move(object));
    }
    return {};
}

void put_out(const Predecessor& before, const node::OpenOptions& options, const Watched& watched,
             Takeover& takeover, Output& out) {
    takeover.group = before.name();
    takeover.wait = std::max(takeover.wait, watched.longest_ttl + drain_time(before.ttl()));
    if (watched.live.empty()) return;
    if (!before.majority()) {
        out.warn(
            fmt::format("{} of the {} disks of group \"{}\" are too few to evict its sessions: "
                        "they go on without these disks, if they can",
                        before.disks.size(), before.superblock.disks.size(), before.name()));
        return;
    }
    const Result<void> evicted = evict_all(before, options, watched, takeover);
    for (const auto& [slot, seen] : watched.live) {
        if (evicted) out.warn(fmt::format("evicted: {}", name_of(seen)));
    }
    if (evicted) return;
    out.warn(
        fmt::format("the sessions of group \"{}\" cannot be evicted ({}); they end with their "
                    "leases, in {} at the latest",
                    before.name(), evicted.error().sentence, brief(watched.longest_ttl)));
}

Result<void> take_from(const Predecessor& before, const Invocation& call, Takeover& takeover,
                       Output& out) {
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
    auto group = OpenGroup::open(options);
    Watched watched;
    watched.longest_ttl = before.ttl();
    if (group) watched = watch(**group, before);
    const bool known = group && watched.readable;
    if (!known) {
        const Error unknown = not_known(before, watched, group ? nullptr : &group.error());
        if (!call.has("evict")) return std::unexpected(unknown);
        out.warn(unknown.sentence);
        watched.longest_ttl = std::max<Duration>(watched.longest_ttl, longest_ttl_ever);
    }
    if (group) group->reset();  // its disks are opened again, for writing
    if (known && watched.live.empty() && before.used_here.empty()) return {};
    if (!call.has("evict")) return std::unexpected(in_use(before, watched));
    put_out(before, options, watched, takeover, out);
    return {};
}

}  // namespace

Result<Takeover> take_over(const std::vector<Candidate>& disks, node::RealWorld& real,
                           const Invocation& call, Output& out) {
    Takeover takeover;
    for (const Predecessor& before : predecessors(disks, real)) {
        if (auto fine = take_from(before, call, takeover, out); !fine) {
            return std::unexpected(fine.error());
        }
    }
    // A `format --evict` was interrupted there: those whom it put out may not have noticed yet.
    for (const Candidate& disk : disks) {
        if (!disk.before.retired || disk.before.retired->wait_ms == 0) continue;
        takeover.group = printable(disk.before.retired->name);
        takeover.wait = std::max<Duration>(takeover.wait,
                                           std::chrono::milliseconds(disk.before.retired->wait_ms));
    }
    return takeover;
}

}  // namespace diskpaxos::cli
