#include "lock/session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

std::uint32_t ms(Duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    return static_cast<std::uint32_t>(std::max<std::int64_t>(count, 0));
}

std::optional<SessionRecord> session_in(const CellView& base) {
    return base.state == CellState::session ? decode_session(base.value) : std::nullopt;
}

// One renewal interval, and half of one more for slow disks. Of TTLs above a minute it is less, lest a
// machine that was started again waits for long: there it may miss a beat.
Duration watch_of(const SessionRecord& record) {
    const Timing timing{Duration(std::chrono::milliseconds(record.ttl_ms))};
    return std::min<Duration>(timing.renewal() * 3 / 2, std::chrono::seconds(15));
}

// Another session of that slot, or another beat of this one.
bool later(const SessionRecord& now, const SessionRecord& before) {
    return now.follows(before.epoch()) || now.beat - before.beat - 1 < std::uint32_t{1} << 31U;
}

Error has_twin(const SessionRecord& record) {
    return {Code::in_use,
            fmt::format("another machine runs with the id of this host: {} has just renewed "
                        "its session in our slot; give each machine an id of its own (/etc/machine-id, "
                        "or DISKPAXOS_MACHINE_ID)",
                        described(record))};
}

}  // namespace

Session::Session(World& world, Directory& directory, std::uint16_t slot, SessionOwner owner,
                 std::optional<Duration> ttl)
    : world_(world),
      directory_(directory),
      owner_(std::move(owner)),
      timing_(std::chrono::floor<std::chrono::milliseconds>(  // as it is published
          ttl.value_or(std::chrono::milliseconds(directory.ttl_ms())))),
      any_slot_(slot == any_slot),
      scope_(world.queue) {
    use(slot);
    ref_.slot = slot;
}

// ref() stays what it is until that cell has been opened: a lock may be in the middle of a change
// under the session of before, and a number of one with the epoch of another is nobody's.
void Session::use(std::uint16_t slot) {
    slot_ = slot;
    name_ = session_name(slot);
}

// ---- opening ----

Task<Result<void>> Session::open(Instant deadline) {
    if (phase_ == Phase::open && !sound()) lose(unrenewed());  // before keep() has noticed
    CHECK(phase_ == Phase::closed || phase_ == Phase::lost);
    leaving_.set();
    co_await scope_.idle().wait();
    if (!any_slot_) {
        const Result<Duration> watched = co_await outlive_other_boot(deadline);
        if (!watched) co_return std::unexpected(watched.error());
        deadline += *watched;
    }
    Result<Opened> opened = Opened::too_late;
    do {
        auto opening = any_slot_ ? open_any(deadline) : open_once(deadline);
        opened = co_await opening;
        if (!opened) co_return std::unexpected(opened.error());
    } while (*opened != Opened::yes && world_.clock.now() < deadline);
    if (*opened == Opened::taken) {
        co_return std::unexpected(Error{
            Code::no_slot, fmt::format("all {} sessions that there is room for are in use; end a "
                                       "process, or format with more slots",
                                       directory_.session_slots())});
    }
    if (*opened != Opened::yes) {
        co_return std::unexpected(
            Error{Code::no_quorum, fmt::format("opening a session takes longer than its TTL of {} ms;"
                                               " the disks are too slow for it",
                                               ms(timing_.ttl()))});
    }
    phase_ = Phase::open;
    why_lost_ = Error();
    lost_.reset();
    leaving_.reset();
    changed_.set();
    scope_.spawn(keep());
    co_return Result<void>();
}

// Too late: what was opened has expired already. Taken: somebody else's session lives there, which
// only happens where nobody has a slot of his own.
Task<Result<Session::Opened>> Session::open_once(Instant deadline) {
    const Instant started = world_.clock.now();
    const ChangeFn begin = [&](const CellView& base, Draft& draft) {
        const auto previous = session_in(base);
        if (any_slot_ && previous && previous->state == SessionState::live) return Verdict::keep;
        draft.state = CellState::session;
        draft.value = encode(fresh(base), directory_.capacity(name_));
        return Verdict::write;
    };
    const Result<Named> cell = co_await directory_.change(name_, begin, deadline, Repeat::always);
    if (!cell) co_return std::unexpected(cell.error());
    if (!cell->applied) co_return Opened::taken;
    const auto record = decode_session(cell->value);  // whoever has evicted it since: renewals tell
    if (!cell->exact || !record || record->opened != cell->version) co_return Opened::too_late;
    opened_ = record->opened;
    ref_ = {slot_, record->epoch()};
    opened_at_ = world_.clock.now();
    valid_until_ = started + timing_.ttl();
    if (opened_at_ >= valid_until_) co_return Opened::too_late;
    last_started_ = started;
    margin_ = least_margin_ = valid_until_ - opened_at_;
    renewals_ = 0;
    beat_ = 0;
    co_return Opened::yes;
}

// session-T1: our slot shows a live session of another boot. It is over if this machine has been started
// again since; it is not if there are two machines with one id. Only they use one slot at a time, and
// once we have written there we see our own block instead of theirs. So its beat is watched first.
//
// What is seen first is settled. A later beat that is not committed may be a renewal that the dead have
// left half done, on a disk that did not answer at first: that one is watched in turn, and is the last.
Task<Result<Duration>> Session::outlive_other_boot(Instant deadline) {
    const Result<Named> first = co_await directory_.get(name_, deadline);
    if (!first) co_return std::unexpected(first.error());
    auto seen = decode_session(first->value);
    if (!seen || !is_of_another_boot(*seen) || mutated(Mutant::twin_unwatched)) {
        co_return Duration(0);
    }
    Duration watched{};
    for (bool again = false;; again = true) {
        co_await world_.clock.sleep(watch_of(*seen));
        watched += watch_of(*seen);
        const Result<Named> cell = co_await directory_.look(name_, deadline + watched);
        if (!cell) co_return std::unexpected(cell.error());
        const auto now = decode_session(cell->value);
        if (!now || !is_of_another_boot(*now) || !later(*now, *seen)) co_return watched;
        if (cell->exact || again) co_return std::unexpected(has_twin(*now));
        seen = now;
    }
}

bool Session::is_of_another_boot(const SessionRecord& record) const {
    return !record.is_of_boot(owner_.boot) && record.state == SessionState::live;
}

// A number that is free, preferably a low one: every number that was ever used keeps a cell. If all
// are taken, one of those who took them may be dead.
Task<Result<Session::Opened>> Session::open_any(Instant deadline) {
    const std::size_t most = directory_.session_slots();
    for (std::size_t range = 4; range < 2 * most; range *= 2) {
        use(static_cast<std::uint16_t>(world_.random.below(std::min(range, most))));
        const Result<Opened> opened = co_await open_if_over(deadline);
        if (!opened || *opened != Opened::taken) co_return opened;
    }
    const std::size_t start = world_.random.below(most);
    for (std::size_t i = 0; i < most && world_.clock.now() < deadline; ++i) {
        use(static_cast<std::uint16_t>((start + i) % most));
        const Result<Opened> opened = co_await open_if_over(deadline);
        if (!opened || *opened != Opened::taken) co_return opened;
    }
    const Result<bool> free = co_await outlive(slot_, deadline);
    if (!free) co_return std::unexpected(free.error());
    co_return Opened::taken;
}

// A look leaves no trace. A change does, even one that keeps what it finds: it is written at a rank of
// its own, and costs a live session the rank that it has prepared for its next renewal. Where disks
// are slow it came too late then (--locks --active, seeds 2101174 and 2102704).
Task<Result<Session::Opened>> Session::open_if_over(Instant deadline) {
    const auto taken = co_await living(slot_, deadline);
    if (!taken) co_return std::unexpected(taken.error());
    if (*taken) co_return Opened::taken;
    co_return co_await open_once(deadline);
}

// Whose live session has this number, as a look shows it; nothing: it is over, or never was.
Task<Result<std::optional<SessionRecord>>> Session::living(std::uint16_t slot, Instant deadline) {
    const Result<Named> cell = co_await directory_.look(session_name(slot), deadline);
    if (!cell) co_return std::unexpected(cell.error());
    auto record = decode_session(cell->value);
    if (record && record->state != SessionState::live) record.reset();
    co_return record;
}

// Watches whoever has this number until it is over, and evicts it if it is silent.
Task<Result<bool>> Session::outlive(std::uint16_t slot, Instant deadline) {
    const auto record = co_await living(slot, deadline);
    if (!record) co_return std::unexpected(record.error());
    if (!*record) co_return true;
    SessionRef taken;
    taken.slot = slot;
    taken.epoch = (*record)->epoch();
    SessionWatch watch(world_, directory_, taken);
    Evictor evictor;
    evictor.host_name = owner_.host_name;
    evictor.boot = owner_.boot;
    evictor.pid = owner_.pid;
    while (world_.clock.now() < deadline) {
        const Result<Liveness> seen = co_await watch.look(deadline);
        if (!seen) co_return std::unexpected(seen.error());
        if (*seen == Liveness::gone) co_return true;
        if (*seen == Liveness::expired) {
            const Result<Liveness> evicted = co_await watch.evict(evictor, deadline);
            if (!evicted) co_return std::unexpected(evicted.error());
            co_return *evicted == Liveness::gone;
        }
        const Instant next = world_.clock.now() + timing_.renewal() / 2;
        co_await world_.clock.sleep_until(std::min(deadline, next));
    }
    co_return false;
}

// A predecessor that was cut short may have left something running: its lease is not over before
// its observers have waited for T (algorithms.md 9.4: a higher incarnation alone proves nothing).
SessionRecord Session::fresh(const CellView& base) const {
    SessionRecord record;
    record.opened = base.version + 1;
    record.ttl_ms = ms(timing_.ttl());
    if (const auto previous = session_in(base)) {
        const bool cut_short = previous->state == SessionState::live;
        record.unclean = previous->unclean;
        if (cut_short && record.unclean == 0) record.unclean = previous->opened;
        // Observers wait for the longest of them.
        if (record.unclean != 0) record.ttl_ms = std::max(record.ttl_ms, previous->ttl_ms);
    }
    record.since_ms = owner_.since_ms;
    record.pid = owner_.pid;
    record.margin_ms = record.ttl_ms;
    record.boot = owner_.boot;
    record.seen_ms = owner_.now_ms();
    record.host_name = owner_.host_name;
    record.command = owner_.command;
    return record;
}

// ---- keeping ----

Task<void> Session::keep() {
    while (phase_ == Phase::open) {
        const Instant next = std::max(last_started_ + timing_.renewal(), world_.clock.now());
        if (co_await leaving_.wait_until(world_.clock, std::min(next, valid_until_))) co_return;
        if (world_.clock.now() >= valid_until_ && !mutated(Mutant::late_renewal_extends)) {
            lose(unrenewed());
            co_return;
        }
        const Instant started = world_.clock.now();
        last_started_ = started;
        const Instant end = mutated(Mutant::late_renewal_extends)
                                ? started + timing_.attempt()
                                : std::min(valid_until_, started + timing_.attempt());
        const Result<bool> renewed = co_await renew(end);
        if (phase_ != Phase::open) co_return;
        if (renewed && *renewed) {
            extended(mutated(Mutant::lease_from_ack) ? world_.clock.now() : started);
        } else if (!renewed && (renewed.error().code == Code::lost ||
                                renewed.error().code == Code::other_group)) {
            lose({Code::lost, renewed.error().sentence});  // it could never be renewed again
        } else if (renewed) {
            lose({Code::lost, why_lost_.sentence});
        } else {
            why_lost_ = renewed.error();  // for the sentence, should it come to that
            const Duration pause = timing_.renewal() / 4;
            last_started_ = world_.clock.now() - timing_.renewal() + pause;
        }
    }
}

// H3: what completes when the lease is over extends nothing.
void Session::extended(Instant started) {
    const Instant now = world_.clock.now();
    if (now >= valid_until_ && !mutated(Mutant::late_renewal_extends)) {
        return lose(unrenewed());
    }
    margin_ = valid_until_ - now;
    least_margin_ = std::min(least_margin_, margin_);
    valid_until_ = started + timing_.ttl();
    why_lost_ = Error();
    ++renewals_;
    changed_.set();
}

// False: it is not ours any more.
Task<Result<bool>> Session::renew(Instant deadline) {
    const Duration age = world_.clock.now() - opened_at_;
    const std::uint32_t beat = ++beat_;
    std::string evictor;
    const ChangeFn live_on = [&](const CellView& base, Draft& draft) {
        auto record = session_in(base);
        if (!record || record->opened != opened_ || record->state != SessionState::live) {
            evictor = record && record->opened == opened_ ? record->host_name : "";
            return Verdict::keep;
        }
        // What was cut short before us has expired for everybody.
        if (age >= Timing(std::chrono::milliseconds(record->ttl_ms)).observe()) {
            record->unclean = 0;
            record->ttl_ms = ms(timing_.ttl());
        }
        record->beat = beat;
        record->seen_ms = owner_.now_ms();
        record->margin_ms = ms(margin_);
        draft.value = encode(*record, directory_.capacity(name_));
        return Verdict::write;
    };
    const Result<Named> cell = co_await directory_.change(name_, live_on, deadline, Repeat::always);
    if (!cell) co_return std::unexpected(cell.error());
    if (!cell->applied) {
        why_lost_.sentence = evictor.empty()
                                 ? "another session has our slot"
                                 : fmt::format("the session was evicted by host {}", evictor);
    }
    co_return cell->applied;
}

void Session::lose(Error why) {
    if (phase_ != Phase::open) return;
    phase_ = Phase::lost;
    why_lost_ = std::move(why);
    lost_.set();
    changed_.set();
}

// What the disks said last is the reason of a renewal that did not come in time.
Error Session::unrenewed() const {
    Error error{Code::lost, "the session was not renewed in time"};
    if (!why_lost_.sentence.empty()) error.sentence += ": " + why_lost_.sentence;
    return error;
}

Error Session::why_lost() const {
    if (phase_ == Phase::lost) return why_lost_;
    return open() ? unrenewed() : Error{Code::lost, "the session was left"};
}

// ---- leaving ----

Task<Result<void>> Session::leave(Instant deadline) {
    if (phase_ != Phase::open) co_return Result<void>();
    phase_ = Phase::leaving;
    leaving_.set();
    co_await scope_.idle().wait();
    const ChangeFn end = [&](const CellView& base, Draft& draft) {
        auto record = session_in(base);
        const bool ours = record && record->opened == opened_;
        if (!ours || record->state != SessionState::live) return Verdict::keep;
        record->state = SessionState::left;
        record->seen_ms = owner_.now_ms();
        draft.value = encode(*record, directory_.capacity(name_));
        return Verdict::write;
    };
    const Result<Named> left = co_await directory_.change(name_, end, deadline, Repeat::always);
    phase_ = Phase::closed;
    if (!left) co_return std::unexpected(left.error());
    co_return Result<void>();
}

}  // namespace diskpaxos
