#include "consensus/cell.hpp"

#include <algorithm>
#include <utility>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr unsigned most_climbs = 16;  // in a row, before we give way to others
constexpr Duration between_questions = std::chrono::milliseconds(10);  // to disks that did not answer

Verdict keep_it(const CellView&, Draft&) { return Verdict::keep; }
}  // namespace

Cell::Cell(World& world, const RecordFormat& format, std::unique_ptr<Register> reg, Pace& pace)
    : world_(world), format_(format), register_(std::move(reg)), pace_(pace) {}

Task<ChangeOutcome> Cell::change(const ChangeFn& f, Instant deadline, Repeat repeat) {
    co_await enter();
    if (unsettled_ != 0) {  // done[] tells the operations of a slot apart only one at a time
        const ChangeOutcome settled = co_await settle(deadline);
        if (!std::holds_alternative<Committed>(settled)) {
            leave();
            co_return settled;
        }
    }
    const ChangeOutcome outcome = co_await run(f, deadline, repeat);
    leave();
    co_return outcome;
}

Task<GetOutcome> Cell::get(Instant deadline) {
    co_await enter();
    const LookOutcome look = co_await register_->look(deadline);
    leave();
    if (std::holds_alternative<Unavailable>(look)) co_return Undecided{};
    if (std::get<Certainty>(look) == Certainty::committed) {
        if (!format_.valid(register_->value())) co_return Damaged{};
        value_.assign(register_->value().begin(), register_->value().end());
        seen_ = register_->value_rank();
        co_return Committed{};
    }
    const ChangeFn identity = keep_it;
    const ChangeOutcome outcome = co_await change(identity, deadline);
    if (std::holds_alternative<Committed>(outcome)) co_return Committed{};
    if (std::holds_alternative<Usurped>(outcome)) co_return Usurped{};
    if (std::holds_alternative<Damaged>(outcome)) co_return Damaged{};
    const auto* undecided = std::get_if<Undecided>(&outcome);
    co_return undecided != nullptr ? *undecided : Undecided{};
}

Task<LookOutcome> Cell::glance(Instant deadline) {
    co_await enter();
    const LookOutcome outcome = co_await register_->recover(deadline);
    hint_.assign(register_->value().begin(), register_->value().end());
    seen_ = register_->value_rank();
    leave();
    co_return outcome;
}

Task<ResolveOutcome> Cell::resolve(Instant deadline) {
    co_await enter();
    ChangeOutcome outcome = Committed{};
    if (unsettled_ != 0) outcome = co_await settle(deadline);
    leave();
    if (std::holds_alternative<Usurped>(outcome)) co_return Usurped{};
    if (std::holds_alternative<Damaged>(outcome)) co_return Damaged{};
    if (!std::holds_alternative<Committed>(outcome)) co_return Undecided{};
    co_return resolution_;
}

Task<ChangeOutcome> Cell::renew(std::uint64_t rounds, Instant deadline, std::uint64_t round) {
    co_await enter();
    const LookOutcome looked = co_await register_->recover(deadline);
    ChangeOutcome outcome = Undecided{};
    if (!std::holds_alternative<Unavailable>(looked)) {
        prepared_ = Rank();
        const bool leaps = !mutated(Mutant::healed_without_leap);
        register_->lift(leaps ? rounds : 0, leaps ? round : 0);
        outcome = co_await settle(deadline);
    }
    leave();
    co_return outcome;
}

Task<ChangeOutcome> Cell::settle(Instant deadline) {
    const ChangeFn identity = keep_it;
    co_return co_await run(identity, deadline, Repeat::never);
}

// rmw of algorithms.md 4.2: read at a rank, apply f, write at that rank.
Task<ChangeOutcome> Cell::run(const ChangeFn& f, Instant deadline, Repeat repeat) {
    const Instant started = world_.clock.now();
    Backoff backoff(pace_.mean(), format_.forgets() ? Backoff::crowd : Backoff::widest);
    Operation op;
    op.repeat = repeat;
    forget(op);
    for (;;) {
        const std::optional<ChangeOutcome> unread = co_await prepare(backoff, op, deadline);
        if (unread) co_return *unread;
        const std::optional<ChangeOutcome> answer = compose(f, op);
        if (answer) co_return *answer;

        const Rank next = rank_above(rank_);
        const WriteOutcome wrote = co_await register_->write(rank_, next_, next, deadline);
        if (std::holds_alternative<Usurped>(wrote)) co_return Usurped{};
        if (std::holds_alternative<Written>(wrote)) {
            // Among others whoever has just won lets them have a chance, and has less in doubt: a
            // read that is refused leaves no trace, a write at the prepared rank does.
            crowded_ = format_.forgets() && !backoff.fresh();
            if (!crowded_) prepared_ = next;
            committed(op);
            if (backoff.fresh()) pace_.observe(world_.clock.now() - started);
            if (op.too_long) co_return TooLong{format_.capacity()};
            co_return op.result;
        }
        remember(op);
        if (std::holds_alternative<Refused>(wrote)) {
            const std::optional<ChangeOutcome> seen =
                co_await wait_after_loss(backoff, op, deadline);
            if (seen) co_return *seen;
        } else if (!co_await ask_again(backoff, op, deadline)) {
            co_return too_few(op);
        }
    }
}

// Reads at a fresh rank until that succeeds; after the fast path it has happened already. Then
// rank_, base_ and base_rank_ are set. Otherwise says why not.
Task<std::optional<ChangeOutcome>> Cell::prepare(Backoff& backoff, Operation& op,
                                                 Instant deadline) {
    // An attempt that is refused everywhere leaves no trace; but where a disk is silent nobody can say
    // so, and others may have changed the cell too often for its lineage to tell (record.hpp).
    if (format_.forgets() && !prepared_.none() && !register_->healthy()) {
        (void)co_await register_->recover(deadline);
    }
    if (register_->overtaken()) prepared_ = Rank();
    if (!prepared_.none()) {
        rank_ = std::exchange(prepared_, Rank());
        base_ = register_->own().value;
        base_rank_ = register_->own().accepted;
        co_return std::nullopt;
    }
    const bool unseen = !register_->recovered() && !mutated(Mutant::write_before_recovery);
    if (unseen || std::exchange(crowded_, false)) {  // or ranks have certainly moved on
        const LookOutcome glance = co_await register_->recover(deadline);
        if (std::holds_alternative<Unavailable>(glance)) co_return too_few(op);
    }
    for (unsigned climbs = 0;;) {
        const Rank floor = register_->floor();
        // Nobody comes here in a million years, unless somebody meant to (ceiling-C6).
        if (floor.round >= last_round) co_return Damaged{};
        const bool late = !backoff.fresh() && world_.clock.now() >= deadline;
        if (late) co_return too_few(op);  // another attempt would only disturb others
        rank_ = rank_above(floor);
        const ReadOutcome read = co_await register_->read(rank_, deadline);
        if (std::holds_alternative<Found>(read) && lies_below(register_->value_rank())) break;
        if (std::holds_alternative<Usurped>(read)) co_return Usurped{};
        if (std::holds_alternative<Unavailable>(read)) {
            const bool again = co_await ask_again(backoff, op, deadline);
            if (again) continue;
            co_return too_few(op);
        }
        if (register_->barred() && ++climbs % most_climbs != 0) {
            const bool arrived = co_await register_->climb(deadline);
            if (arrived) continue;
        }
        const std::optional<ChangeOutcome> seen = co_await wait_after_loss(backoff, op, deadline);
        if (seen) co_return *seen;
    }
    base_ = register_->value();
    base_rank_ = register_->value_rank();
    co_return std::nullopt;
}

// Fills next_ with what this attempt writes: the changed value; or the base as it is, if the
// operation is in its lineage already or has nothing to change. Even then it is written: neither
// a yes nor a no is told before it is committed (algorithms.md 4.4 rows 4b, 4c).
std::optional<ChangeOutcome> Cell::compose(const ChangeFn& f, Operation& op) {
    if (!format_.valid(base_)) return Damaged{};
    const Proposer me = register_->me();
    if (unsettled_ != 0) {
        unsettled_in_base_ = format_.applied(base_, base_rank_.round, me, unsettled_);
    }
    Applied before = Applied::no;
    if (op.first != 0 && !mutated(Mutant::no_operation_check)) {
        before = format_.applied(base_, base_rank_.round, me, op.first);
    }
    if (before == Applied::cannot_tell) op.why = Cause::lineage;
    if (before == Applied::cannot_tell && op.repeat == Repeat::never) return too_few(op);

    const CellView base = format_.view(base_);
    op.too_long = false;
    const Verdict verdict = before == Applied::yes ? Verdict::keep : apply(f, base, op);
    const bool due = verdict == Verdict::write || op.repeat == Repeat::always;
    if (before == Applied::cannot_tell && !due) return too_few(op);
    op.result = {.applied = verdict == Verdict::write,
                 .exact = true,
                 .perhaps = before == Applied::cannot_tell};
    op.by = nullptr;
    if (before == Applied::yes) found_applied(op);
    op.writes = verdict == Verdict::write;
    if (op.writes) {
        if (op.first == 0) op.first = rank_.round;
        op.last = rank_;
        const CellView next{base.version + 1, draft_.state, draft_.name, draft_.value};
        format_.succeed(next_, base_, base_rank_.round, next, rank_);
        return std::nullopt;
    }
    format_.carry(next_, base_, base_rank_.round, rank_.round);
    const bool hasty = (mutated(Mutant::answer_without_commit) && before == Applied::yes) ||
                       (mutated(Mutant::unmet_without_commit) && before == Applied::no);
    if (hasty) {
        committed(op);
        return op.result;
    }
    return std::nullopt;
}

// Others took up one of our attempts. Which of them it was, its round tells; and what that attempt
// wrote is the result, whatever has been made of it since.
void Cell::found_applied(Operation& op) {
    const Proposer me = register_->me();
    op.result.applied = true;
    op.result.exact = format_.latest(base_, me);
    if (op.result.exact) return;
    const std::uint64_t round = format_.last_round(base_, base_rank_.round, me);
    const auto found = std::ranges::find(attempts_, round, &Attempt::round);
    if (found == attempts_.end()) return;
    op.by = mutated(Mutant::result_of_another_attempt) ? &attempts_.back() : &*found;
    op.result.exact = true;
}

Verdict Cell::apply(const ChangeFn& f, const CellView& base, Operation& op) {
    draft_.state = base.state;
    draft_.name = base.name;
    draft_.value.assign(base.value.begin(), base.value.end());
    const Verdict verdict = f(base, draft_);
    op.too_long = verdict == Verdict::write &&
                  draft_.name.size() + draft_.value.size() > format_.capacity();
    return op.too_long ? Verdict::keep : verdict;
}

void Cell::committed(const Operation& op) {
    value_.assign(next_.begin(), next_.end());
    followed_ = op.by != nullptr;
    if (followed_) result_ = op.by->record;
    seen_ = rank_;
    if (unsettled_ == 0) return;
    resolution_ = unsettled_in_base_;  // a commit at a higher rank settles all earlier attempts
    unsettled_ = 0;
}

// Nothing was proposed, or who knows (algorithms.md 4.2: NOT "failed").
ChangeOutcome Cell::too_few(const Operation& op) {
    if (op.first == 0 || mutated(Mutant::lost_is_no)) return Undecided{op.why};
    unsettled_ = op.first;
    return Unsettled{op.why};
}

// An attempt that was lost may yet be taken up, until something is committed above it without it.
void Cell::remember(const Operation& op) {
    if (!op.writes) return;
    if (attempts_.size() < most_attempts) return attempts_.push_back({rank_.round, next_});
    attempts_[oldest_] = {rank_.round, next_};
    oldest_ = (oldest_ + 1) % most_attempts;
}

void Cell::forget(Operation& op) {
    op.first = 0;
    attempts_.clear();
    oldest_ = 0;
}

// Too few disks have answered. While a change of ours is in doubt it is worth asking again: they
// may come back, and then they tell. Otherwise it is over, at once.
Task<bool> Cell::ask_again(Backoff& backoff, Operation& op, Instant deadline) {
    op.why = Cause::disks;
    if (op.first == 0 || world_.clock.now() >= deadline) co_return false;
    const Duration pause = std::max(backoff.next(world_.random), between_questions);
    co_await world_.clock.sleep_until(std::min(deadline, world_.clock.now() + pause));
    co_return world_.clock.now() < deadline;
}

// Every writer of ours promises the next round along with a value, so what is found lies in a lower
// round than the read that found it. Blocks may be written by others, too: above them we begin anew.
bool Cell::lies_below(Rank found) const {
    const bool blind =  // this rule would hide them
        mutated(Mutant::fast_path_unpromised) || mutated(Mutant::step_promise_lowered) ||
        mutated(Mutant::refused_rows_chosen) || mutated(Mutant::step_checks_writes_only);
    return found.round < rank_.round || blind;
}

// Ranks whose entry in done[] would read as "never" are left out.
Rank Cell::rank_above(Rank floor) const {
    Rank rank = next_rank(floor, register_->me());
    while (!format_.nameable(rank.round)) ++rank.round;
    return rank;
}

// Gives way, and looks again before the next attempt: ranks have moved on meanwhile, and an
// attempt below them would only be refused again.
Task<std::optional<ChangeOutcome>> Cell::wait_after_loss(Backoff& backoff, Operation& op,
                                                         Instant deadline) {
    op.why = Cause::others;
    if (format_.forgets()) {
        const bool answered = co_await settle_early(op, deadline);
        if (answered) co_return op.result;
    }
    const Duration pause = backoff.next(world_.random);
    Step step;
    step.kind = Step::Kind::backed_off;
    step.detail = static_cast<std::uint64_t>(pause.count());
    world_.trace.step(step);
    co_await world_.clock.sleep_until(std::min(deadline, world_.clock.now() + pause));
    const LookOutcome looked = co_await register_->recover(deadline);
    const bool silent =
        std::holds_alternative<Unavailable>(looked) && world_.clock.now() < deadline;
    if (silent) op.why = Cause::disks;
    co_return std::nullopt;
}

// As long as the lineage still reaches back to our attempts: among many who change one cell, it
// soon does not. Looks write nothing; the first comes at once, the others ever later, since whoever
// was faster needs some time to commit. True: the operation is over, op.result says how.
Task<bool> Cell::settle_early(Operation& op, Instant deadline) {
    constexpr unsigned most_looks = 8;
    Duration pause = pace_.mean() / 16;
    for (unsigned looks = 0; op.first != 0 && looks < most_looks; ++looks) {
        const LookOutcome seen = co_await register_->recover(deadline);
        const Applied applied = seen_applied(op, seen);
        // A later write may have carried on what the only attempt left; then its refusals are no
        // matter.
        const bool carried = register_->own().accepted != op.last;
        const bool only = op.first == op.last.round && (!carried || mutated(Mutant::carried_is_only));
        const bool nowhere = only && register_->written_nowhere();
        if (applied == Applied::yes && answers(op)) co_return true;
        if (applied == Applied::no || nowhere) forget(op);
        if (op.first == 0 || world_.clock.now() >= deadline) co_return false;
        co_await world_.clock.sleep(pause);
        pause *= 2;
    }
    co_return false;
}

// What is committed above all our attempts and does not come from any settles them: none can take
// effect any more (the resolution lemma, algorithms.md 3.1). What is committed and comes from one
// is an answer by itself, as if we had committed it again (4.4 row 4b). A commit mark below the
// value that we see will do, since the value comes from there.
Applied Cell::seen_applied(const Operation& op, const LookOutcome& seen) const {
    const auto* certainty = std::get_if<Certainty>(&seen);
    if (certainty == nullptr || !format_.valid(register_->value())) return Applied::cannot_tell;
    const Rank rank = register_->value_rank();
    const Rank committed = *certainty == Certainty::committed ? rank : register_->committed();
    const Proposer me = register_->me();
    const Applied applied = format_.applied(register_->value(), rank.round, me, op.first);
    const Rank by{format_.last_round(register_->value(), rank.round, me), me};
    const bool settled = applied == Applied::yes ? committed >= by : committed > op.last;
    if (rank >= committed && settled) return applied;
    if (applied == Applied::yes && mutated(Mutant::answer_without_commit)) return applied;
    if (mutated(Mutant::settled_by_any_look) && rank > op.last) return applied;
    return Applied::cannot_tell;
}

// A look has shown that an attempt of ours is committed; what it wrote is the result.
bool Cell::answers(Operation& op) {
    const Proposer me = register_->me();
    const Rank by{format_.last_round(register_->value(), register_->value_rank().round, me), me};
    const auto found = std::ranges::find(attempts_, by.round, &Attempt::round);
    if (found == attempts_.end()) return false;
    value_.assign(found->record.begin(), found->record.end());
    followed_ = false;
    seen_ = by;
    op.result = Committed{.applied = true, .exact = true, .perhaps = false};
    return true;
}

// One operation of a process per cell at a time.
Task<void> Cell::enter() {
    while (busy_) co_await free_.wait();
    busy_ = true;
    free_.reset();
}

void Cell::leave() {
    busy_ = false;
    free_.set();
}

}  // namespace diskpaxos
