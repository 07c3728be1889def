#include "actor.hpp"

#include <algorithm>
#include <utility>

#include "barrier.hpp"
#include "probe.hpp"
#include "recorded_disk.hpp"

namespace diskpaxos::exhaustive {

namespace {

constexpr Duration patience = std::chrono::milliseconds(1);
constexpr Duration very_long = std::chrono::hours(1);

Geometry geometry_of(const Cluster& cluster) {
    return {.block_size = 512, .slots = cluster.slots, .ring = cluster.ring, .cells = 1};
}

Bytes value_of(std::uint8_t value) {
    return {std::byte{value}};
}
std::uint8_t number_in(ByteView value) {
    return value.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(value[0]);
}

}  // namespace

Stage::Stage(const Cluster& c, Contents& all)
    : cluster(c),
      contents(all),
      geometry(geometry_of(c)),
      active_geometry(geometry_of(c)),
      format(geometry, c.kinds()),
      rule(c.disks, c.read, c.write, c.recover) {
    active_geometry.active = true;
    for (std::size_t disk = 0; disk < c.disks; ++disk) {
        const Geometry& shape = disk < c.active ? active_geometry : geometry;
        disks.push_back(std::make_unique<RecordedDisk>(disk, shape, all));
    }
}

Stage::~Stage() = default;

Actor::Actor(Stage& stage, const Role& role, unsigned incarnation)
    : stage_(stage), role_(role), incarnation_(incarnation) {
    const Cluster& cluster = stage.cluster;
    const std::uint32_t ring_index = cluster.fresh_place ? incarnation : 0;
    CHECK(ring_index < cluster.ring);
    place_ = role.slot == no_slot ? no_place : role.slot * cluster.ring + ring_index;
    me_ = Proposer::of(role.slot, cluster.same_ranks ? 1 : incarnation + 1);
    early_.resize(cluster.disks);
    stage.clock.restart();
    auto reg = std::make_unique<Register>(stage.world, stage.rule, 0, me_, patience, make_visits());
    register_ = reg.get();
    for (auto& disk : stage.disks) disk->watch(RegisterProbe::phase(*register_));
    const Act first = role.acts.front();
    if (bare(first)) {
        bare_ = std::move(reg);
    } else {
        cell_ = std::make_unique<Cell>(stage.world, stage.format, std::move(reg), pace_);
    }
    frames_ = std::make_unique<Scope>(stage.queue);
    frames_->spawn(play());
    settle();
    if (incarnation > 0) return;
    while (!register_->recovered()) {
        happen({.kind = Input::Kind::answer,
                .disk = requests().front().disk,
                .flight = 0,
                .row = {},
                .verdict = {}});
    }
}

Actor::~Actor() {
    frames_.reset();
    if (barrier_ != nullptr) barrier_->die();
    cell_.reset();
    bare_.reset();
    for (auto& disk : stage_.disks) disk->forget();
}

std::vector<std::unique_ptr<Visit>> Actor::make_visits() {
    std::vector<std::unique_ptr<Visit>> visits;
    const Barrier& barrier = stage_.cluster.barrier;
    if (barrier.used) barrier_ = std::make_unique<BarrierLine>(stage_.queue, barrier);
    for (std::size_t disk = 0; disk < stage_.disks.size(); ++disk) {
        const RowAddress address = stage_.disks[disk]->address();
        if (barrier.used) {
            visits.push_back(barrier_->make_visit(*stage_.disks[disk], address, place_, lanes_));
            continue;
        }
        if (stage_.disks[disk]->active()) {
            const bool looks_only = place_ == no_place;
            const auto access =
                looks_only ? ActiveVisit::Access::closed : ActiveVisit::Access::open;
            auto visit = std::make_unique<ActiveVisit>(*stage_.disks[disk], address, access);
            lanes_.push_back(&visit->lane());
            visits.push_back(std::move(visit));
            continue;
        }
        auto visit = std::make_unique<PassiveVisit>(*stage_.disks[disk], address, place_, 0);
        lanes_.push_back(&visit->lane());
        visits.push_back(std::move(visit));
    }
    return visits;
}

// ---- the script ----

Task<void> Actor::play() {
    const LookOutcome glance = co_await register_->recover(stage_.clock.now() + very_long);
    const bool lost = std::holds_alternative<Unavailable>(glance);
    for (act_ = 0; !lost && act_ < role_.acts.size(); ++act_) {
        if (act_ > 0) {
            begin_.reset();
            begun_ = false;
            co_await begin_.wait();
            begun_ = true;
        }
        const Act act = role_.acts[act_];
        if (act == Act::learn) {
            co_await learn();
        } else if (cell()) {
            co_await operate(act);
        } else {
            co_await propose(act == Act::propose_on);
        }
    }
    finished_ = true;
}

// propose of algorithms.md 3.5; every attempt has its own deadline, which is the time-out.
Task<void> Actor::propose(bool again) {
    const Bytes mine = value_of(static_cast<std::uint8_t>(1 + role_.slot + 4 * incarnation_));
    for (attempt_ = 0; attempt_ < attempts(); ++attempt_) {
        const bool anew = stage_.cluster.same_ranks;
        const Rank rank = next_rank(anew ? Rank{attempt_, me_} : register_->highest(), me_);
        const ReadOutcome read = co_await register_->read(rank, stage_.clock.now() + patience);
        if (std::holds_alternative<Usurped>(read)) co_return;
        if (!std::holds_alternative<Found>(read)) continue;
        const ByteView found = register_->value();
        const Bytes value = found.empty() ? mine : Bytes(found.begin(), found.end());
        const WriteOutcome wrote =
            co_await register_->write(rank, value, rank, stage_.clock.now() + patience);
        if (std::holds_alternative<Usurped>(wrote)) co_return;
        if (!std::holds_alternative<Written>(wrote)) continue;
        outcomes_.push_back({Outcome::Kind::decided, number_in(value)});
        if (!again) co_return;
    }
}

Task<void> Actor::learn() {
    const LookOutcome outcome = co_await register_->look(stage_.clock.now() + very_long);
    const auto* certainty = std::get_if<Certainty>(&outcome);
    if (certainty == nullptr || *certainty != Certainty::committed) co_return;
    const ByteView value = register_->value();
    if (!value.empty()) outcomes_.push_back({Outcome::Kind::decided, number_in(value)});
}

Task<void> Actor::operate(Act act) {
    composed_ = Rank();
    first_ = 0;
    drafts_.clear();
    deadline_ = stage_.clock.now() + very_long;
    if (act == Act::get) {
        const GetOutcome outcome = co_await cell_->get(deadline_);
        conclude(outcome);
        co_return;
    }
    const bool only_from_zero = act == Act::raise_first;
    const ChangeFn change = [this, only_from_zero](const CellView& base, Draft& draft) {
        return increase(base, draft, only_from_zero);
    };
    const ChangeOutcome outcome = co_await cell_->change(change, deadline_);
    conclude(outcome);
}

Verdict Actor::increase(const CellView& base, Draft& draft, bool only_from_zero) {
    composed_ = register_->promised();
    const std::uint8_t value = number_in(base.value);
    if (only_from_zero && value > 0) return Verdict::keep;
    if (first_ == 0) first_ = composed_.round;
    const auto sum = static_cast<std::uint8_t>(value + amount_of(role_.slot));
    draft.state = CellState::set;
    draft.value = value_of(sum);
    drafts_.push_back({composed_.round, sum});
    return Verdict::write;
}

void Actor::conclude(const ChangeOutcome& outcome) {
    if (const auto* done = std::get_if<Committed>(&outcome)) {
        unsettled_ = 0;
        const std::uint8_t value = number_in(cell_->result().value);
        if (!done->applied) return outcomes_.push_back({Outcome::Kind::unmet, value});
        // Without `exact` what is shown may be later than the change: zero stands for "not told".
        outcomes_.push_back({Outcome::Kind::increased, done->exact ? value : std::uint8_t{0}});
        return;
    }
    if (std::holds_alternative<Undecided>(outcome) && first_ != 0) {
        return outcomes_.push_back({Outcome::Kind::nothing, 0});
    }
    if (std::holds_alternative<Unsettled>(outcome)) unsettled_ = first_ != 0 ? first_ : unsettled_;
    outcomes_.push_back({Outcome::Kind::unsure, 0});
}

void Actor::conclude(const GetOutcome& outcome) {
    const bool known = std::holds_alternative<Committed>(outcome);
    if (known) return outcomes_.push_back({Outcome::Kind::got, number_in(cell_->view().value)});
    outcomes_.push_back({Outcome::Kind::unsure, 0});
}

// ---- what happens to it ----

void Actor::happen(const Input& input) {
    switch (input.kind) {
        case Input::Kind::answer: {
            const Request request = find(input);
            if (request.kind == Io::Kind::read && RegisterProbe::in_phase(*register_)) {
                Hasher hasher;
                for (const Content content : input.row) hasher.add(stage_.contents.digest(content));
                early_[input.disk] = hasher.add(request.phase).done();
            }
            stage_.disks[input.disk]->answer(request.serial, input.row, input.verdict);
            break;
        }
        case Input::Kind::error:
            stage_.disks[input.disk]->fail(find(input).serial);
            break;
        case Input::Kind::time_out:
            stage_.clock.advance_to_timer();
            break;
        case Input::Kind::expire:
            stage_.clock.advance(deadline_);
            break;
        case Input::Kind::begin:
            begin_.set();
            break;
    }
    settle();
}

Request Actor::find(const Input& input) const {
    std::size_t older = input.flight;
    for (const Request& request : requests()) {
        if (request.disk == input.disk && older-- == 0) return request;
    }
    UNREACHABLE();
}

// Runs until the process waits for a disk, a time-out or its user. A process that has backed off
// goes on at once: it has nothing to say before its next requests, and those may be as slow as they
// like, so its pause is covered by the slowness of its disks.
void Actor::settle() {
    stage_.queue.run_all();
    while (!finished_ && !RegisterProbe::waiting(*register_) && stage_.clock.waiting()) {
        stage_.clock.advance_to_timer();
        stage_.queue.run_all();
    }
}

// ---- how it looks from outside ----

std::vector<Request> Actor::requests() const {
    std::vector<Request> all;
    for (auto& disk : stage_.disks) disk->collect(all);
    const std::uint64_t now = RegisterProbe::phase(*register_);
    const bool idle = finished_ || RegisterProbe::idle(*register_);
    for (Request& request : all) {
        const bool settling = stage_.cluster.kinds() == DiskKinds::mixed;  // reads within a phase
        request.own_too =
            request.kind == Io::Kind::read && (settling || !RegisterProbe::in_phase(*register_));
        request.stale =
            idle || (request.kind == Io::Kind::read ? request.phase != now
                                                    : !RegisterProbe::in_phase(*register_) ||
                                                          request.seq != register_->own().seq);
    }
    // A look of an earlier phase: its answer would change nothing, so it is never given. Only the
    // read that a mutant puts before its write holds a lane; the recovery is no such read.
    std::erase_if(all, [](const Request& request) {
        const bool holds_lane = mutated(Mutant::read_not_gated) && request.phase > 1;
        return request.kind == Io::Kind::read && request.stale && !holds_lane;
    });
    return all;
}

Portrait Actor::portrait() const {
    Portrait portrait;
    portrait.requests = requests();
    portrait.outcomes = outcomes_;
    portrait.finished = finished_;
    portrait.idle = !finished_ && !begun_;
    const bool phase = !finished_ && RegisterProbe::in_phase(*register_) && stage_.clock.waiting();
    const bool last = !cell() && attempt_ + 1 == attempts();
    portrait.patient = phase && !last && (!cell() || !register_->tally().beaten_by().none());
    portrait.operating = phase && cell();
    portrait.common = common();
    for (std::size_t disk = 0; disk < stage_.disks.size(); ++disk) {
        portrait.column[disk] = column(disk, portrait.requests);
    }
    return portrait;
}

Digest Actor::common() const {
    Hasher hasher;
    hasher.add(incarnation_).add(me_.value).add(place_).add(act_).add(attempt_);
    hasher.add((finished_ ? 1U : 0U) | (begun_ ? 2U : 0U));
    for (const Outcome& outcome : outcomes_) {
        hasher.add(static_cast<std::uint64_t>(outcome.kind)).add(outcome.value);
    }
    add(hasher, composed_).add(first_).add(unsettled_);
    // The cell remembers what its attempts wrote, for the result of the one that others take up.
    for (const auto& [round, sum] : drafts_) hasher.add(round).add(sum);
    RegisterProbe::add_common(hasher, *register_, finished_);
    return hasher.done();
}

// The lane needs no digest of its own: it is busy iff a visit is in flight.
Digest Actor::column(std::size_t disk, const std::vector<Request>& requests) const {
    Hasher hasher;
    RegisterProbe::add_disk(hasher, *register_, disk);
    hasher.add(lanes_[disk]->waiting() ? 1 : 0);
    if (barrier_ != nullptr) barrier_->add(hasher, disk);
    // What a read found that is not yet part of an answer: only where reads do not follow writes.
    if (mutated(Mutant::read_not_gated) || barrier_ != nullptr) hasher.add(early_[disk]);
    for (const Request& request : requests) {
        if (request.disk != disk) continue;
        hasher.add(static_cast<std::uint64_t>(request.kind)).add(request.stale ? 1 : 0);
        hasher.add(stage_.contents.digest(request.content));
    }
    return hasher.done();
}

}  // namespace diskpaxos::exhaustive
