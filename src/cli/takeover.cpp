#include "cli/takeover.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/lock_view.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos::cli {

namespace {

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
Result<void> evict_all(const Predecessor& before, const Invocation& call, Takeover& takeover) {
    const Result<Evictor> us = this_evictor(before.superblock.group);
    if (!us) return std::unexpected(us.error());
    Result<node::OpenOptions> writing = looking_at(before, call);
    if (!writing) return std::unexpected(writing.error());
    writing->access = io::Access::write;
    writing->quorum = true;
    auto group = OpenGroup::join(std::move(*writing));
    if (!group) return std::unexpected(group.error());
    Directory directory((*group)->group());
    for (const auto& [slot, seen] : before.live) {
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

// Where their TTLs cannot be read, the bound of all TTLs stands in for them.
Duration longest_ttl(const Predecessor& before) {
    return before.unknown ? std::max<Duration>(before.longest_ttl, longest_ttl_ever)
                          : before.longest_ttl;
}

void put_out(const Predecessor& before, const Invocation& call, Takeover& takeover, Output& out) {
    if (before.live.empty()) return;
    if (!before.majority()) {
        out.warn(
            fmt::format("{} of the {} disks of group \"{}\" are too few to evict its sessions: "
                        "they go on without these disks, if they can",
                        before.disks.size(), before.superblock.disks.size(), before.name()));
        return;
    }
    const Result<void> evicted = evict_all(before, call, takeover);
    for (const auto& [slot, seen] : before.live) {
        if (evicted) out.warn(fmt::format("evicted: {}", name_of(seen)));
    }
    if (evicted) return;
    out.warn(
        fmt::format("the sessions of group \"{}\" cannot be evicted ({}); they end with their "
                    "leases, in {} at the latest",
                    before.name(), evicted.error().sentence, brief(longest_ttl(before))));
}

}  // namespace

Takeover planned_takeover(const std::vector<Predecessor>& groups,
                          const std::vector<Candidate>& disks) {
    Takeover takeover;
    for (const Predecessor& before : groups) {
        if (!before.in_use()) continue;
        takeover.group = before.name();
        takeover.wait = std::max(takeover.wait, longest_ttl(before) + drain_time(before.ttl()));
    }
    // Another `format` was interrupted there, or is at work on another host: what it writes may land
    // yet, and those whom it put out may not have noticed.
    for (const Candidate& disk : disks) {
        if (!disk.before.retired) continue;
        takeover.group = printable(disk.before.retired->name);
        const Duration its{std::chrono::milliseconds(disk.before.retired->wait_ms)};
        takeover.wait = std::max({takeover.wait, its, drain_time(Duration(0))});
    }
    return takeover;
}

void put_out(const std::vector<Predecessor>& groups, const Invocation& call, Takeover& takeover,
             Output& out) {
    for (const Predecessor& before : groups) {
        if (before.unknown) out.warn(before.unknown->sentence);
        put_out(before, call, takeover, out);
    }
}

}  // namespace diskpaxos::cli
