// `explain`: who holds a lock, whether it lives, when it can be free, and what to do.
#include <fmt/format.h>

#include "cli/disk_names.hpp"
#include "cli/explanation.hpp"
#include "cli/named_json.hpp"
#include "cli/surveyed.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos::cli {

namespace {

constexpr Duration between_looks = std::chrono::milliseconds(50);

// A bit more than one interval between two signs of life, but no longer than `patience`; less if
// one is seen.
Task<Watched> watch_session(World& world, Directory& directory, Party party, Duration patience) {
    Watched seen;
    const std::uint32_t ttl_ms = party.record ? party.record->ttl_ms : directory.ttl_ms();
    const Timing timing{Duration(std::chrono::milliseconds(ttl_ms))};
    seen.ttl = timing.ttl();
    seen.renewal = timing.renewal();
    SessionWatch watch(world, directory, party.session);
    const Instant begun = world.clock.now();
    const Duration enough = timing.renewal() * 6 / 5 + 2 * between_looks;
    const Instant end = begun + std::min(enough, patience);
    std::optional<Instant> first;
    for (;;) {
        const Result<Liveness> alive = co_await watch.look(world.clock.now() + patience);
        if (!alive) {
            seen.trouble = alive.error().sentence;
            co_return seen;
        }
        const Instant now = world.clock.now();
        if (!first) first = watch.first_seen();
        seen.length = now - begun;
        seen.over = *alive == Liveness::gone;
        seen.expires_in = watch.expires() - now;
        const bool renewed = watch.first_seen() > *first;
        if (renewed) seen.renewed_ago = now - watch.first_seen();
        if (seen.over || renewed || now >= end) co_return seen;
        co_await world.clock.sleep_until(now + std::min(between_looks, timing.renewal() / 10));
    }
}

Situation situation_of(const Surveyed& at, const SurveyedCell& cell, const std::string& name) {
    Situation situation;
    situation.name = name;
    situation.now_ms = at.now_ms;
    for (const SurveyedDisk& disk : at.survey.disks) situation.disk_names.push_back(disk.name);
    situation.answered = at.answered();
    situation.needed = at.needed();
    situation.majority = at.survey.majority;
    situation.cell = cell;
    if (cell.state == CellState::lock) situation.lock = view_lock(at.survey, cell);
    return situation;
}

Task<bool> watch_holders(World& world, Directory& directory, Situation& at, Duration patience) {
    for (const Party& party : at.lock->holders) {
        Watched watched = co_await watch_session(world, directory, party, patience);
        at.watched.push_back(std::move(watched));
    }
    co_return true;
}

Json described(const Watched& watched) {
    Json object;
    object["watched_ms"] = in_ms(watched.length);
    object["renewed_ago_ms"] = watched.renewed_ago ? Json(in_ms(*watched.renewed_ago)) : Json();
    object["over"] = watched.over;
    object["trouble"] = watched.trouble.empty() ? Json() : Json(watched.trouble);
    return object;
}

Json described(const Situation& at, const Survey& survey) {
    Json object;
    put_text(object, "name", at.name);
    object["kind"] = at.lock ? "lock" : "other";
    object["majority"] = at.in_sight();
    object["lock"] = at.lock ? described(*at.lock, survey) : Json();
    object["life"] = Json::array();
    for (const Watched& watched : at.watched) object["life"].push_back(described(watched));
    const FreeBy bound = free_by(at);
    const bool bounded = at.lock && at.in_sight() && bound.in;
    object["free_at_latest"] =
        bounded ? Json(rfc3339(at.now_ms + static_cast<std::uint64_t>(in_ms(*bound.in)))) : Json();
    object["free_in_at_most_ms"] = bounded ? Json(in_ms(*bound.in)) : Json();
    object["once_waited_for"] = bound.once_waited_for;
    object["disks"] = cli::described(at.cell.disks, survey);
    object["time"] = rfc3339(at.now_ms);
    object["sentences"] = explained(at);
    return object;
}

}  // namespace

Result<int> run_explain(const Invocation& call, Output& out) {
    const std::string& name = call.arguments().front();
    if (auto fine = Directory::check_name(name); !fine) return std::unexpected(fine.error());
    auto at = survey_group(call, out);
    if (!at) return std::unexpected(at.error());
    const SurveyedCell* cell = at->survey.find(name);
    if (cell == nullptr) {  // as `show` has it
        return std::unexpected(
            not_found(*at, name,
                      fmt::format("no lock is named \"{}\", nor anything else; \"diskpaxos ls\" "
                                  "names those there are",
                                  name)));
    }
    Situation situation = situation_of(*at, *cell, name);
    if (situation.lock && situation.lock->held() && situation.in_sight()) {
        Group group(at->group->world(), at->group->roster());
        Directory directory(group);
        at->group->run(watch_holders(at->group->world(), directory, situation, *call.timeout()));
        situation.now_ms = node::unix_ms();
    }
    situation.same_disks = same_disks(call);
    for (const std::string& line : explained(situation)) out.line(line);
    out.object(described(situation, at->survey));
    return 0;
}

}  // namespace diskpaxos::cli
