#include "register/register.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_read{.read = true};
constexpr Purposes for_write{.write = true};
constexpr Purposes for_both{.read = true, .write = true};
constexpr Purposes for_recovery{.recover = true};
constexpr Purposes for_all{.read = true, .write = true, .recover = true};
}  // namespace

Register::Register(World& world, const QuorumRule& rule, std::uint32_t cell, Proposer me,
                   Duration patience, std::vector<std::unique_ptr<Visit>> disks)
    : world_(world),
      rule_(rule),
      cell_(cell),
      patience_(patience),
      forbearance_(patience),
      disks_(std::move(disks)),
      climb_(disks_.size()),
      scope_(world.queue),
      watches_(world.queue) {
    CHECK(disks_.size() == rule.disks());
    own_.me = me;
    const auto judges = [](const auto& disk) { return disk->judges(); };
    mixed_ = std::ranges::any_of(disks_, judges) && !std::ranges::all_of(disks_, judges);
    failures_.resize(disks_.size());
    shown_.resize(disks_.size());
}

// ---- read and write: the same phase, with a different block (algorithms.md 3.2) ----

Task<ReadOutcome> Register::read(Rank rank, Instant deadline) {
    if (usurped_) co_return Usurped{};
    CHECK(recovered_ || mutated(Mutant::forget_own_block));
    CHECK(rank > (climb_.is_limited() ? least() : own_.promised));
    own_.promised = rank;  // accepted and value are kept: a block never regresses (2.4, F1)
    if (mutated(Mutant::block_zeroed)) {
        own_.accepted = Rank();
        own_.value.clear();
    }
    const Decision decision = co_await phase(rank, for_read, deadline);
    if (usurped_) co_return Usurped{};
    if (decision == Decision::won) {
        note(Step::Kind::read_done, 0, value_rank_);
        co_return Found{value_rank_};
    }
    if (tally_.beaten_by().none()) co_return Unavailable{};
    note(Step::Kind::read_refused, 0, tally_.beaten_by());
    co_return Refused{tally_.beaten_by()};
}

Task<WriteOutcome> Register::write(Rank rank, ByteView value, Rank next, Instant deadline) {
    if (usurped_) co_return Usurped{};
    CHECK(rank == own_.promised);  // read(rank) came first, or the fast path promised it
    CHECK(next >= rank && !value.empty());
    own_.accepted = rank;
    own_.value.assign(value.begin(), value.end());
    own_.promised = mutated(Mutant::fast_path_unpromised) ? rank : next;
    own_.committed = committed_;
    climb_.saw(own_.promised);
    climb_.keep_above(own_.promised);
    write_phase_ = phase_ + 1;
    refused_write_ = DiskSet();
    const Decision decision = co_await phase(rank, next > rank ? for_both : for_write, deadline);
    if (usurped_) co_return Usurped{};
    if (decision == Decision::won) {
        own_.promised = next;
        committed_ = std::max(committed_, rank);
        note(Step::Kind::write_done, 0, rank);
        co_return Written{};
    }
    if (tally_.beaten_by().none()) co_return Unavailable{};  // may still be adopted by anyone
    note(Step::Kind::write_refused, 0, tally_.beaten_by());
    co_return Refused{tally_.beaten_by()};                   // may still be adopted by that rank
}

// One phase: visit every disk with our block; enough of them must show no promise above `rank`.
// The first one of a mixed group writes on passive disks only when phase 0 is settled.
Task<Decision> Register::phase(Rank rank, Purposes needs, Instant deadline) {
    ++own_.seq;
    own_.rank = rank;
    begin(Doing::phase, rank, needs);
    climb_.saw(rank);
    climb_.begin();
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        if (settled() || disks_[disk]->judges()) {
            scope_.spawn(attend_visit(disk, phase_));
        } else if (!settled_.contains(disk)) {
            scope_.spawn(attend_settling(disk, phase_));
        }
    }
    auto deciding = decide(deadline);
    co_return co_await deciding;
}

void Register::begin(Doing what, Rank rank, Purposes needs) {
    CHECK(doing_ == Doing::nothing);  // one at a time: the tally is that of one phase
    ++phase_;
    doing_ = what;
    rank_ = rank;
    tally_.start(rule_, needs);
    surprised_ = false;
    decided_.reset();
    std::ranges::fill(failures_, Failure());
    late_ = DiskSet();
    others_ = Rank();
    if (what == Doing::confirm) return;  // it confirms what the first look found
    value_rank_ = Rank();
    value_.clear();
    std::ranges::fill(shown_, Rank());
    looked_ = refusing_ = DiskSet();
    if (what == Doing::phase) note(Step::Kind::phase_started, 0, Rank());
}

// A time-out only ends the waiting. What was submitted goes on in its lane, and will happen.
Task<Decision> Register::decide(Instant deadline) {
    const Instant began = world_.clock.now();
    for (Instant now = began; !decided_.is_set() && now < deadline;) {
        co_await decided_.wait_until(world_.clock, std::min(deadline, now + patience_));
        now = world_.clock.now();
        if (tally_.beaten_by().none()) continue;
        if (!foreseen()) break;  // a higher rank may do without the silent disks
        if (now - began >= forbearance_) break;
    }
    const Decision decision = tally_.decision();
    if (decision != Decision::won) note(Step::Kind::unavailable, 0, tally_.beaten_by());
    doing_ = Doing::nothing;
    timed_out_ = decision == Decision::pending;
    if (foreseen()) bear(decision, world_.clock.now() - began);
    co_return timed_out_ ? Decision::lost : decision;
}

Task<void> Register::attend_visit(std::size_t disk, std::uint64_t phase) {
    if (late_.contains(disk)) co_return;
    Sight sight = co_await disks_[disk]->visit(own_);
    if (sight.failure.kind == Failure::Kind::intruder) {
        usurped_ = true;
        note(Step::Kind::intruder, disk, Rank());
        decided_.set();
    }
    // A promise refuses it for good. A ceiling does not: it rises, and the step may come once more.
    const bool promised = sight.seen() && disks_[disk]->judges() && !sight.row.promised.none();
    const bool barred = sight.failure.kind == Failure::Kind::above && mutated(Mutant::ceiling_is_final);
    if (phase == write_phase_ && (promised || barred)) refused_write_.insert(disk);
    // An answer to an older phase says nothing about this one (algorithms.md 2.6 row 2i).
    if (phase != phase_ && !mutated(Mutant::stale_answer_counted)) co_return;
    if (doing_ != Doing::phase || decided_.is_set()) co_return;
    judge_visit(disk, sight);
    if (tally_.decision() != Decision::pending) decided_.set();
}

void Register::judge_visit(std::size_t disk, const Sight& sight) {
    const bool known = climb_.foresees(disk, rank_, own_.promised);  // before it tells us anew
    if (sight.failure.kind == Failure::Kind::above) {  // it is behind; no higher rank has been there
        failures_[disk] = sight.failure;
        climb_.shows(disk, sight.row.highest);
        climb_.barred(disk, sight.row.highest, sight.limit, world_.clock.now());
        refused(disk, rank_, known);
        return note(Step::Kind::disk_refused, disk, Rank(), sight.limit);
    }
    if (failed(disk, sight)) return;
    climb_.shows(disk, sight.row.highest);
    committed_ = std::max(committed_, sight.row.committed);
    if (mutated(Mutant::no_read_after_write) && own_.accepted == rank_) return tally_.count(disk);
    const Rank limit = mutated(Mutant::fast_path_blind) ? own_.promised : rank_;
    if (sight.row.promised > limit) {  // this disk drops out; others may still suffice
        refused(disk, sight.row.promised, known);
        note(Step::Kind::disk_refused, disk, sight.row.promised);
        if (mutated(Mutant::refused_rows_chosen)) offer(sight.row);
        return;
    }
    tally_.count(disk);
    climb_.stands(disk, own_.promised);
    offer(sight.row);
    note(Step::Kind::disk_counted, disk, sight.row.accepted);
    if (disks_[disk]->judges()) settle(disk, sight.row.accepted, sight.row.value);
}

void Register::refused(std::size_t disk, Rank by, bool foreseen) {
    tally_.refuse(disk, by);
    if (!foreseen || mutated(Mutant::foreseen_is_news)) surprised_ = true;
}

// ---- looks: what can be known without writing (algorithms.md 4.5, 7.1) ----

Task<LookOutcome> Register::recover(Instant deadline) {
    const Purposes first = mutated(Mutant::recovery_alone) ? for_recovery : for_all;
    const Purposes needs = recovered_ ? for_both : first;
    const Decision decision = co_await look_around(Doing::look, needs, nobody, deadline);
    if (decision != Decision::won) co_return Unavailable{};
    if (mutated(Mutant::rank_reused_at_restart) && !recovered_) climb_ = Climb(disks_.size()), climb_.saw(own_.promised);
    recovered_ = true;
    if (mutated(Mutant::forget_own_block)) own_.accepted = own_.promised = Rank(), own_.value = {};
    co_return first_glance();
}

Task<LookOutcome> Register::look(Instant deadline) {
    if (mutated(Mutant::owner_reads_blindly) && !committed_.none() && own_.accepted == committed_) {
        value_ = own_.value;
        co_return Certainty::committed;
    }
    const LookOutcome glance = co_await recover(deadline);
    if (const auto* certainty = std::get_if<Certainty>(&glance);
        certainty == nullptr || *certainty == Certainty::committed) {
        co_return glance;
    }
    // The second pass runs the owner's own check for it: on disks that showed its value, no
    // promise of another stands above, read after the first pass over the same disk. Active disks
    // have made that check themselves; those that lagged behind may have caught up.
    const Decision decision = co_await look_around(Doing::confirm, for_both, value_rank_.proposer, deadline);
    if (decision == Decision::won) {
        committed_ = std::max(committed_, value_rank_);
        co_return Certainty::committed;
    }
    co_return Certainty::open;
}

Task<Decision> Register::look_around(Doing what, Purposes needs, Proposer aside, Instant deadline) {
    const DiskSet before = looked_;
    begin(what, value_rank_, needs);
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        const bool showed = before.contains(disk) && shown_[disk] == value_rank_;
        const bool judges = disks_[disk]->judges();
        if (what == Doing::confirm && showed && judges) {
            tally_.count(disk);
        } else if (what == Doing::confirm && !showed && !judges) {
            tally_.fail(disk);
        } else {
            scope_.spawn(attend_look(disk, phase_, aside));
        }
    }
    if (tally_.decision() != Decision::pending) decided_.set();
    auto deciding = decide(deadline);
    co_return co_await deciding;
}

Task<void> Register::attend_look(std::size_t disk, std::uint64_t phase, Proposer aside) {
    if (late_.contains(disk)) co_return;
    Sight sight = co_await disks_[disk]->look(aside);
    if (phase != phase_ || doing_ == Doing::nothing || decided_.is_set()) co_return;
    doing_ == Doing::look ? judge_look(disk, sight) : judge_confirm(disk, sight);
    if (tally_.decision() != Decision::pending) decided_.set();
}

void Register::judge_look(std::size_t disk, const Sight& sight) {
    if (failed(disk, sight)) return;
    climb_.stands(disk, sight.row.highest);
    committed_ = std::max(committed_, sight.row.committed);
    if (!recovered_ && seated()) {
        const bool closed = !disks_[disk]->open();
        if (closed) failures_[disk].kind = Failure::Kind::closed;
        if (closed && !mutated(Mutant::closed_disk_counts)) return tally_.fail(disk);
        if (!closed) take_own(sight.row.own);
        // What an active disk has promised may be our predecessor's: we must begin above it.
        if (mixed_) own_.promised = std::max(own_.promised, sight.row.highest);
        const bool judges = disks_[disk]->judges();
        if (!judges || mutated(Mutant::late_steps_ignored))
            settle(disk, judges ? sight.row.accepted : Rank(), sight.row.value);
    }
    if (disks_[disk]->judges() && sight.row.promised > own_.promised) refusing_.insert(disk);
    tally_.count(disk);
    looked_.insert(disk);
    shown_[disk] = sight.row.accepted;
    offer(sight.row);
    note(Step::Kind::disk_counted, disk, sight.row.accepted);
}

void Register::judge_confirm(std::size_t disk, const Sight& sight) {
    if (failed(disk, sight)) return;
    climb_.stands(disk, sight.row.highest);
    if (disks_[disk]->judges()) {  // accepted is counted there, whatever it has promised since
        sight.row.accepted == value_rank_ ? tally_.count(disk) : tally_.fail(disk);
    } else if (sight.row.promised > value_rank_) {
        refused(disk, sight.row.promised, false);
    } else {
        tally_.count(disk);
    }
}

bool Register::seated() const {
    return std::ranges::any_of(disks_, [](const auto& disk) { return disk->open(); });
}

// Our own block as an earlier incarnation left it: the largest accepted rank with its value, and
// a promise above all of ours. Both are carried, never erased (algorithms.md 2.3, RECOVER).
void Register::take_own(const Decoded& block) {
    if (block.state != BlockState::valid) return;
    if (block.block.promised >= own_.promised) own_.before = block.block.incarnation;
    own_.promised = std::max(own_.promised, block.block.promised);
    own_.committed = std::max(own_.committed, block.block.committed);
    if (block.block.accepted > own_.accepted) {
        own_.accepted = block.block.accepted;
        own_.value.assign(block.block.value.begin(), block.block.value.end());
    }
}

Certainty Register::first_glance() const {
    if (mutated(Mutant::read_highest)) return Certainty::committed;
    if (mutated(Mutant::read_single_collect)) {  // summarise() sets the owner's promise aside
        bool everywhere = others_ <= value_rank_;
        for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
            everywhere &= !looked_.contains(disk) || shown_[disk] == value_rank_;
        }
        return everywhere ? Certainty::committed : Certainty::open;
    }
    // A commit mark: in a block that we saw, or in our memory, which is how the owner of the value
    // reads in one pass. It must name this very rank: a mark above it, learnt while the rows were
    // being read, says that the value we saw has been passed over.
    const bool marked = !value_rank_.none() && committed_ == value_rank_;
    return marked || unanimous() ? Certainty::committed : Certainty::open;
}

// The value stands on a quorum of active disks, each of which compared ranks when it accepted it
// (algorithms.md 4.5: on passive disks the same rule would be wrong).
bool Register::unanimous() const {
    DiskSet agreeing;
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        const bool agrees = looked_.contains(disk) && shown_[disk] == value_rank_;
        if (agrees && disks_[disk]->judges()) agreeing.insert(disk);
    }
    if (mutated(Mutant::look_at_one_active)) return !agreeing.empty();
    return rule_.suffices(for_both, agreeing);
}

bool Register::written_nowhere() const {
    if (mutated(Mutant::refused_by_one_is_all)) return !refused_write_.empty();
    return refused_write_ == DiskSet::first(disks_.size());
}

bool Register::overtaken() const {
    DiskSet left = DiskSet::first(disks_.size());
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        if (refusing_.contains(disk)) left.erase(disk);
    }
    return !rule_.suffices(for_write, left);
}

// ---- watches: to be told by active disks, instead of asking again and again ----

Task<bool> Register::watch(Rank beyond, Instant deadline) {
    watch_beyond_ = beyond;
    news_.reset();
    for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
        if (!disks_[disk]->judges() || watched_.contains(disk)) continue;
        watched_.insert(disk);
        watches_.spawn(attend_watch(disk));
    }
    const bool news = co_await news_.wait_until(world_.clock, deadline);
    co_return news;
}

Task<void> Register::attend_watch(std::size_t disk) {
    Sight sight = co_await disks_[disk]->watch(watch_beyond_);
    watched_.erase(disk);
    if (sight.seen() && sight.row.accepted > watch_beyond_) news_.set();
}

// ---- shared by both ----

bool Register::failed(std::size_t disk, const Sight& sight) {
    if (sight.seen()) {
        failing_.erase(disk);
        return false;
    }
    failing_.insert(disk);
    failures_[disk] = sight.failure;
    tally_.fail(disk);
    note(sight.failure.kind == Failure::Kind::rolled_back ? Step::Kind::rolled_back
                                                          : Step::Kind::disk_failed,
         disk, Rank(), static_cast<std::uint64_t>(sight.failure.error));
    return true;
}

// The value of the highest accepted rank on the counted disks is the one to carry on (2.3).
void Register::offer(const RowSummary& row) {
    others_ = std::max(others_, row.promised);
    if (row.accepted > value_rank_) {
        value_rank_ = row.accepted;
        value_.assign(row.value.begin(), row.value.end());
    }
}

// After a phase has ended its rank still stands; a look has none.
void Register::note(Step::Kind kind, std::size_t disk, Rank other, std::uint64_t detail) {
    const bool looking = doing_ == Doing::look || doing_ == Doing::confirm;
    world_.trace.step(Step{.kind = kind,
                           .cell = cell_,
                           .disk = static_cast<std::uint16_t>(disk),
                           .rank = looking ? Rank() : rank_,
                           .other = other,
                           .detail = detail});
}

}  // namespace diskpaxos
