// `bury`: ends the session of a `run` that has died, on the host where it ran. Its guard calls it,
// after it has seen the end of CMD and of all that CMD started: so nobody need wait for the TTL.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/invocation.hpp"
#include "cli/open_group.hpp"
#include "lock/queue.hpp"
#include "lock/session_watch.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::cli {

namespace {

Task<Result<void>> bury(World& world, Directory& directory, SessionRef session, std::string lock,
                        Evictor evictor, Instant deadline) {
    SessionWatch watch(world, directory, session);
    const Result<Liveness> ended = co_await watch.evict_now(std::move(evictor), deadline);
    if (!ended) co_return std::unexpected(ended.error());
    // Waiters look at the lock more often than at the session.
    const ChangeFn clear = [&](const CellView& base, Draft& draft) {
        auto record = base.state == CellState::lock ? decode_lock(base.value) : std::nullopt;
        if (!record) return Verdict::keep;
        const bool held = drop(*record, session);
        const bool waited = leave_queue(*record, session);
        if (!held && !waited) return Verdict::keep;
        encode(draft.value, *record);
        return Verdict::write;
    };
    const Result<Named> dropped = co_await directory.change(lock, clear, deadline, Repeat::always);
    if (!dropped) co_return std::unexpected(dropped.error());
    co_return Result<void>();
}

}  // namespace

Result<int> run_bury(const Invocation& call, Output& out) {
    const std::vector<std::string>& words = call.arguments();
    const auto slot = parse_number(words[1], "SLOT", 0, max_slots - 1);
    if (!slot) return std::unexpected(slot.error());
    const auto epoch = parse_number(words[2], "EPOCH", 0, UINT32_MAX);
    if (!epoch) return std::unexpected(epoch.error());
    const std::optional<Uuid> its_group = node::parse_uuid(words[3]);
    if (!its_group) return usage(fmt::format("GROUP is \"{}\"; it must be a UUID", words[3]));
    auto group = join_group(call, out, its_group);
    if (!group) return std::unexpected(group.error());
    const auto host = node::this_host((*group)->roster().common.group);
    if (!host) return std::unexpected(host.error());
    const SessionRef session{static_cast<std::uint16_t>(*slot), static_cast<std::uint32_t>(*epoch)};
    Evictor us{host->host.name, host->host.boot, static_cast<std::uint32_t>(getpid())};
    Directory directory((*group)->group());
    const Result<void> buried =
        (*group)->run(bury((*group)->world(), directory, session, words[0], std::move(us),
                           (*group)->deadline()));
    if (!buried) return std::unexpected(buried.error());
    return 0;
}

}  // namespace diskpaxos::cli
