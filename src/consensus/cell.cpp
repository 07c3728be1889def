#include "consensus/cell.hpp"

#include <algorithm>
#include <utility>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr unsigned most_climbs = 16;  // in a row, before we give way to others

Verdict keep_it(const CellView&, Draft&) { return Verdict::keep; }
}  // namespace

Cell::Cell(World& world, const RecordFormat& format, std::unique_ptr<Register> reg, Pace& pace)
    : world_(world), format_(format), register_(std::move(reg)), pace_(pace) {}

Task<ChangeOutcome> Cell::change(const ChangeFn& f, Instant deadline) {
    co_await enter();
    if (unsettled_ != 0) {  // done[] tells the operations of a slot apart only one at a time
        const ChangeOutcome settled = co_await settle(deadline);
        if (!std::holds_alternative<Committed>(settled)) {
            leave();
            co_return settled;
        }
    }
    const ChangeOutcome outcome = co_await run(f, deadline);
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
    co_return Undecided{};
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
    co_return co_await run(identity, deadline);
}

// rmw of algorithms.md 4.2: read at a rank, apply f, write at that rank.
Task<ChangeOutcome> Cell::run(const ChangeFn& f, Instant deadline) {
    const Instant started = world_.clock.now();
    Backoff backoff(pace_.mean());
    Operation op;
    for (;;) {
        const std::optional<ChangeOutcome> unread = co_await prepare(backoff, op, deadline);
        if (unread) co_return *unread;
        const std::optional<ChangeOutcome> answer = compose(f, op);
        if (answer) co_return *answer;

        const Rank next = rank_above(rank_);
        const WriteOutcome wrote = co_await register_->write(rank_, next_, next, deadline);
        if (std::holds_alternative<Usurped>(wrote)) co_return Usurped{};
        if (std::holds_alternative<Unavailable>(wrote)) co_return too_few(op);
        if (std::holds_alternative<Written>(wrote)) {
            prepared_ = next;
            committed();
            if (backoff.fresh()) pace_.observe(world_.clock.now() - started);
            if (op.too_long) co_return TooLong{format_.capacity()};
            co_return op.result;
        }
        co_await wait_after_loss(backoff, op, deadline);
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
    if (!register_->recovered() && !mutated(Mutant::write_before_recovery)) {
        const LookOutcome glance = co_await register_->recover(deadline);
        if (std::holds_alternative<Unavailable>(glance)) co_return too_few(op);
    }
    for (unsigned climbs = 0;;) {
        const Rank floor = register_->floor();
        // Nobody comes here in a million years, unless somebody meant to (ceiling-C6).
        if (floor.round >= last_round) co_return Damaged{};
        rank_ = rank_above(floor);
        const ReadOutcome read = co_await register_->read(rank_, deadline);
        if (std::holds_alternative<Found>(read)) break;
        if (std::holds_alternative<Usurped>(read)) co_return Usurped{};
        if (std::holds_alternative<Unavailable>(read)) co_return too_few(op);
        if (register_->barred() && ++climbs % most_climbs != 0) {
            const bool arrived = co_await register_->climb(deadline);
            if (arrived) continue;
        }
        co_await wait_after_loss(backoff, op, deadline);
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
    if (before == Applied::cannot_tell) return too_few(op);

    const CellView base = format_.view(base_);
    const Verdict verdict = before == Applied::no ? apply(f, base, op) : Verdict::keep;
    op.result.applied = verdict == Verdict::write || before == Applied::yes;
    op.result.exact = before == Applied::no || format_.latest(base_, me);
    if (verdict == Verdict::write) {
        if (op.first == 0) op.first = rank_.round;
        const CellView next{base.version + 1, draft_.state, draft_.name, draft_.value};
        format_.succeed(next_, base_, base_rank_.round, next, rank_);
        return std::nullopt;
    }
    format_.carry(next_, base_, base_rank_.round, rank_.round);
    const bool hasty = (mutated(Mutant::answer_without_commit) && before == Applied::yes) ||
                       (mutated(Mutant::unmet_without_commit) && before == Applied::no);
    if (hasty) {
        committed();
        return op.result;
    }
    return std::nullopt;
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

void Cell::committed() {
    value_.assign(next_.begin(), next_.end());
    seen_ = rank_;
    if (unsettled_ == 0) return;
    resolution_ = unsettled_in_base_;  // a commit at a higher rank settles all earlier attempts
    unsettled_ = 0;
}

// Nothing was proposed, or who knows (algorithms.md 4.2: NOT "failed").
ChangeOutcome Cell::too_few(const Operation& op) {
    if (op.first == 0 || mutated(Mutant::lost_is_no)) return Undecided{};
    unsettled_ = op.first;
    return Unsettled{};
}

// Ranks whose entry in done[] would read as "never" are left out.
Rank Cell::rank_above(Rank floor) const {
    Rank rank = next_rank(floor, register_->me());
    while (!format_.nameable(rank.round)) ++rank.round;
    return rank;
}

// Gives way, and looks again before the next attempt: ranks have moved on meanwhile, and an
// attempt below them would only be refused again.
Task<void> Cell::wait_after_loss(Backoff& backoff, Operation& op, Instant deadline) {
    if (format_.forgets()) co_await settle_early(op, deadline);
    const Duration pause = backoff.next(world_.random);
    Step step;
    step.kind = Step::Kind::backed_off;
    step.detail = static_cast<std::uint64_t>(pause.count());
    world_.trace.step(step);
    co_await world_.clock.sleep_until(std::min(deadline, world_.clock.now() + pause));
    co_await register_->recover(deadline);
}

// As long as the lineage still reaches back to our attempts: among many who change one cell, it soon
// does not. Looks write nothing.
Task<void> Cell::settle_early(Operation& op, Instant deadline) {
    constexpr unsigned most_looks = 16;
    for (unsigned looks = 0; op.first != 0 && looks < most_looks; ++looks) {
        const LookOutcome seen = co_await register_->recover(deadline);
        const Applied applied = seen_applied(op, seen);
        const bool nowhere = op.first == rank_.round && register_->written_nowhere();
        if (applied == Applied::no || nowhere) op.first = 0;
        if (applied == Applied::yes || world_.clock.now() >= deadline) co_return;
        if (op.first != 0) co_await world_.clock.sleep(pace_.mean() / 16);
    }
}

// What is committed above all our attempts and does not come from any settles them: none can take
// effect any more (the resolution lemma, algorithms.md 3.1). A commit mark below the value that we
// see will do, since the value comes from there.
Applied Cell::seen_applied(const Operation& op, const LookOutcome& seen) const {
    const auto* certainty = std::get_if<Certainty>(&seen);
    if (certainty == nullptr || !format_.valid(register_->value())) return Applied::cannot_tell;
    const Rank rank = register_->value_rank();
    const Rank committed = *certainty == Certainty::committed ? rank : register_->committed();
    const bool settled = committed > rank_ && rank >= committed;
    const Applied applied =
        format_.applied(register_->value(), rank.round, register_->me(), op.first);
    if (applied != Applied::no || settled) return applied;
    return mutated(Mutant::settled_by_any_look) && rank > rank_ ? applied : Applied::cannot_tell;
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
