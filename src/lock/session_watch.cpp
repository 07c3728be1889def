#include "lock/session_watch.hpp"

#include <fmt/format.h>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

bool lives(const Named& cell, const SessionRef& session) {
    if (cell.state != CellState::session) return false;
    const auto record = decode_session(cell.value);
    return record && record->epoch() == session.epoch && record->state == SessionState::live;
}

}  // namespace

SessionWatch::SessionWatch(World& world, Directory& directory, SessionRef session)
    : world_(world), directory_(directory), session_(session), name_(session_name(session.slot)) {}

Task<Result<Liveness>> SessionWatch::look(Instant deadline) {
    const Instant issued = world_.clock.now();
    Result<Named> cell = co_await directory_.look(name_, deadline);
    if (!cell) co_return std::unexpected(cell.error());
    // What is not committed may vanish again, and then the session could go on renewing, unseen by
    // whoever counts from this look on.
    if (!cell->exact && !lives(*cell, session_)) {
        cell = co_await directory_.get(name_, deadline);
        if (!cell) co_return std::unexpected(cell.error());
    }
    co_return judge(*cell, issued, world_.clock.now());
}

Liveness SessionWatch::judge(const Named& cell, Instant issued, Instant completed) {
    record_.reset();
    if (cell.state == CellState::session) record_ = decode_session(cell.value);
    // A cell that says nothing of this session is watched for T, as any silence.
    const bool superseded = !record_ || record_->epoch() != session_.epoch;
    if (!superseded && record_->state != SessionState::live) return Liveness::gone;
    if (superseded && record_ && record_->follows(session_.epoch)) {
        const bool expired = !record_->leaves_unclean(session_.epoch);
        if (expired || mutated(Mutant::unclean_ignored)) return Liveness::gone;
    }
    const SessionSight sight{.session = session_,
                             .superseded = superseded,
                             .beat = superseded ? 0 : record_->beat,
                             .ttl = published_ttl(),
                             .began = issued,
                             .complete = completed};
    const bool news = !note_ || is_news(*note_, sight);
    renewed_ = renewed_ || (note_.has_value() && news && !superseded);
    note_ = noted(note_, sight);
    if (news) return Liveness::alive;
    const Instant judged = mutated(Mutant::judge_by_completion) ? completed : issued;
    if (judged < expires()) return Liveness::alive;
    // Nobody can renew what was superseded: there is nothing to evict.
    const bool over = superseded || mutated(Mutant::evict_by_opinion);
    return over ? Liveness::gone : Liveness::expired;
}

// The TTL is the one that the session lives by, as it publishes it.
Duration SessionWatch::published_ttl() const {
    if (!record_ || mutated(Mutant::observe_own_ttl)) {
        return std::chrono::milliseconds(directory_.ttl_ms());
    }
    const bool trusting = mutated(Mutant::trust_holders_clock);
    return std::chrono::milliseconds(trusting ? record_->margin_ms : record_->ttl_ms);
}

void SessionWatch::recall(const Note& note) {
    CHECK(!note_ && note.session == session_);
    note_ = note;
    recalled_ = true;
}

Task<Result<Liveness>> SessionWatch::evict(Evictor evictor, Instant deadline) {
    CHECK(note_);
    auto changed = change(std::move(evictor), mutated(Mutant::evict_unconditionally), deadline);
    co_return co_await changed;
}

Task<Result<Liveness>> SessionWatch::evict_now(Evictor evictor, Instant deadline) {
    auto changed = change(std::move(evictor), true, deadline);
    co_return co_await changed;
}

Task<Result<Liveness>> SessionWatch::change(Evictor evictor, bool any_beat, Instant deadline) {
    Liveness liveness = Liveness::gone;  // as the last attempt found it
    const ChangeFn end = [&](const CellView& base, Draft& draft) {
        liveness = Liveness::gone;
        auto record = base.state == CellState::session ? decode_session(base.value) : std::nullopt;
        if (!record || record->epoch() != session_.epoch) return Verdict::keep;
        if (record->state != SessionState::live) return Verdict::keep;
        // A sign of life newer than what was watched: the renewal wins (algorithms.md 9.4).
        if (!any_beat && record->beat > note_->beat) {
            liveness = Liveness::alive;
            return Verdict::keep;
        }
        record->state = SessionState::evicted;
        record->host_name = evictor.host_name;
        record->boot = evictor.boot;
        record->pid = evictor.pid;
        draft.state = CellState::session;
        draft.value = encode(*record, directory_.capacity(name_));
        return Verdict::write;
    };
    const Result<Named> changed = co_await directory_.change(name_, end, deadline, Repeat::always);
    if (!changed) co_return std::unexpected(changed.error());
    co_return changed->applied ? Liveness::gone : liveness;
}

}  // namespace diskpaxos
