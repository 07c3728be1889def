// What each step does to a state.
#include <algorithm>

#include "judge.hpp"
#include "search.hpp"

namespace diskpaxos::exhaustive {

bool Search::step(State& state, const Choice& choice, std::string& wrong) {
    using Kind = Choice::Kind;
    switch (choice.kind) {
        case Kind::land:
        case Kind::read:
        case Kind::repeat:
        case Kind::land_and_haunt:
            return progress(state, choice, wrong);
        case Kind::time_out:
            return move(state, choice.actor, {.kind = Input::Kind::time_out}, wrong);
        case Kind::expire:
            ++state.expiries;
            return move(state, choice.actor, {.kind = Input::Kind::expire}, wrong);
        case Kind::begin:
            invoke(state, choice.actor);
            return move(state, choice.actor, {.kind = Input::Kind::begin}, wrong);
        case Kind::crash:
        case Kind::crash_torn:
            return crash(state, choice);
        case Kind::error:
            return fail(state, choice, wrong);
        case Kind::haunt:
        case Kind::spoil:
        case Kind::snapshot:
        case Kind::restore:
            misfortune(state, choice);
            return true;
    }
    UNREACHABLE();
}

// One step of one request: its write lands, or it reads one block.
bool Search::progress(State& state, const Choice& choice, std::string& wrong) {
    const Portrait& portrait = atlas_[state.node[choice.actor]].portrait;
    const bool begun = !portrait.finished && !portrait.idle;
    if (cells_ && begun && !state.invoked[choice.actor]) invoke(state, choice.actor);
    const Request& request = request_of(state, choice);
    Flight& flight = state.flight[choice.actor][choice.disk][choice.flight];
    auto& disk = state.disk[choice.disk];
    if (request.kind == Io::Kind::step) return deliver(state, choice, wrong);
    const bool ignored = ignores(request);
    const std::uint8_t needed = to_read(state, choice.actor, request);
    if (choice.kind == Choice::Kind::land) {
        const Place own = place_of(state, choice.actor);
        disk[own] = request.content;
        flight.landed = true;
        flight.row[own] = request.content;
        flight.seen = static_cast<std::uint8_t>(1U << own);
        const bool over = request.kind == Io::Kind::write || ignored || needed == 0;
        return over ? arrive(state, choice, flight, wrong) : true;
    }
    if (ignored) {
        flight.row = {};
        flight.row[place_of(state, choice.actor)] = request.content;
        return arrive(state, choice, flight, wrong);
    }
    if (reads_whole(request)) {
        flight.row = disk;
        return arrive(state, choice, flight, wrong);
    }
    flight.row[choice.place] = disk[choice.place];
    flight.seen |= static_cast<std::uint8_t>(1U << choice.place);
    const bool over = (flight.seen & needed) == needed;
    return over ? arrive(state, choice, flight, wrong) : true;
}

// A step is executed and answered: the register as it stood before, and the verdict.
bool Search::deliver(State& state, const Choice& choice, std::string& wrong) {
    const Content asked = request_of(state, choice).content;
    Content& there = state.disk[choice.disk][0];
    const Contents::Executed executed = contents_.execute(there, asked);
    if (choice.kind != Choice::Kind::land) ++state.repeats;
    if (choice.kind == Choice::Kind::repeat) {
        there = executed.after;
        return true;
    }
    const bool again = choice.kind == Choice::Kind::land_and_haunt;
    if (again && !haunt(state, {choice.disk, 0, asked})) return false;
    Input input{.kind = Input::Kind::answer, .disk = choice.disk, .flight = choice.flight};
    input.row[0] = there;
    input.verdict = executed.verdict;
    there = executed.after;
    return move(state, choice.actor, input, wrong);
}

bool Search::arrive(State& state, const Choice& choice, Flight& flight, std::string& wrong) {
    const Input input{.kind = Input::Kind::answer,
                      .disk = choice.disk,
                      .flight = choice.flight,
                      .row = flight.row,
                      .verdict = {}};
    return move(state, choice.actor, input, wrong);
}

// Gives a process its input, and carries the requests that are still in flight over.
bool Search::move(State& state, std::size_t actor, const Input& input, std::string& wrong) {
    const std::size_t told = atlas_[state.node[actor]].portrait.outcomes.size();
    const std::uint8_t operation = operation_of(state, actor);
    const Road& road = atlas_.follow(state.node[actor], input);
    if (road.too_many) return false;
    const auto before = state.flight[actor];
    for (std::size_t disk = 0; disk < cluster_.disks; ++disk) {
        for (std::size_t i = 0; i < max_flights; ++i) {
            const std::int8_t was = road.was[disk][i];
            state.flight[actor][disk][i] =
                was < 0 ? Flight{} : before[disk][static_cast<std::size_t>(was)];
        }
    }
    state.node[actor] = road.to;
    if (listener_) listener_(actor, input, road.to);
    const std::vector<Outcome>& outcomes = atlas_[road.to].portrait.outcomes;
    for (std::size_t i = told; i < outcomes.size(); ++i) {
        Moment moment{Moment::Kind::returned, operation, Act::get, 0, outcomes[i]};
        if (!record(state, actor, moment, wrong)) return false;
    }
    return true;
}

bool Search::crash(State& state, const Choice& choice) {
    const std::size_t actor = choice.actor;
    const Place own = place_of(state, actor);
    std::array<std::size_t, max_disks> count{};
    for (const Request& request : atlas_[state.node[actor]].portrait.requests) {
        const std::size_t at = count[request.disk]++;
        if (request.kind == Io::Kind::read || state.flight[actor][request.disk][at].landed)
            continue;
        const bool step = request.kind == Io::Kind::step;
        const auto place = static_cast<std::uint8_t>(step ? 0 : own);
        const Ghost ghost{request.disk, place, request.content};
        const bool haunts = step || cluster_.afterlife == Afterlife::haunt;
        if (haunts && !haunt(state, ghost)) return false;
    }
    if (choice.kind == Choice::Kind::crash_torn) state.disk[choice.disk][own] = unknown;
    ++state.crashes;
    ++state.incarnation[actor];
    state.flight[actor] = {};
    state.invoked[actor] = false;
    state.node[actor] = atlas_.root(actor, state.incarnation[actor]);
    return true;
}

// The disk says that the write failed; it lands later, or never.
bool Search::fail(State& state, const Choice& choice, std::string& wrong) {
    const Place own = is_active(choice.disk) ? 0 : place_of(state, choice.actor);
    const Content content = request_of(state, choice).content;
    if (!haunt(state, {choice.disk, static_cast<std::uint8_t>(own), content})) return false;
    ++state.faults;
    const Input input{.kind = Input::Kind::error, .disk = choice.disk, .flight = choice.flight};
    return move(state, choice.actor, input, wrong);
}

bool Search::haunt(State& state, const Ghost& ghost) const {
    if (state.ghosts == max_ghosts) return false;
    state.ghost[state.ghosts++] = ghost;
    std::sort(state.ghost.begin(), state.ghost.begin() + state.ghosts);
    return true;
}

void Search::misfortune(State& state, const Choice& choice) {
    auto& disk = state.disk[choice.disk];
    switch (choice.kind) {
        case Choice::Kind::haunt: {
            const Ghost ghost = state.ghost[choice.place];
            disk[ghost.place] = is_active(ghost.disk)
                                    ? contents_.execute(disk[0], ghost.content).after
                                    : ghost.content;
            auto* const place = state.ghost.begin() + choice.place;
            std::move(place + 1, state.ghost.begin() + state.ghosts, place);
            state.ghost[--state.ghosts] = {};
            break;
        }
        case Choice::Kind::spoil:
            disk.fill(cluster_.fault == Fault::blank ? initial : unknown);
            ++state.faults;
            break;
        case Choice::Kind::snapshot:
            state.snapshot = disk;
            state.snapshot_of = static_cast<std::int8_t>(choice.disk);
            ++state.faults;
            break;
        case Choice::Kind::restore:
            disk = state.snapshot;
            state.snapshot = {};
            state.snapshot_of = -1;
            ++state.faults;
            break;
        default:
            UNREACHABLE();
    }
}

// ---- the history ----

std::uint8_t Search::operation_of(const State& state, std::size_t actor) const {
    const std::size_t act = atlas_[state.node[actor]].portrait.outcomes.size();
    return static_cast<std::uint8_t>(actor * 64 + state.incarnation[actor] * 16U + act);
}

// An operation is invoked with its first step: before it the process might as well have been idle.
void Search::invoke(State& state, std::size_t actor) const {
    CHECK(state.moments < max_moments);
    const std::size_t act = atlas_[state.node[actor]].portrait.outcomes.size();
    state.invoked[actor] = true;
    state.history[state.moments++] = {Moment::Kind::invoked,
                                      operation_of(state, actor),
                                      cluster_.roles[actor].acts[act],
                                      amount_of(cluster_.roles[actor].slot),
                                      {}};
}

bool Search::record(State& state, std::size_t actor, const Moment& moment, std::string& wrong) {
    const auto told = std::span(state.history).first(state.moments);
    const bool decision = moment.outcome.kind == Outcome::Kind::decided;
    const bool again = decision && std::ranges::any_of(told, [&](const Moment& earlier) {
                           return earlier.outcome == moment.outcome;
                       });
    if (again) return true;  // decisions have no order, only values
    CHECK(state.moments < max_moments);
    state.history[state.moments++] = moment;
    if (decision) state.history[state.moments - 1].operation = 0;
    state.invoked[actor] = false;
    wrong = objection(std::span(state.history).first(state.moments));
    return true;
}

}  // namespace diskpaxos::exhaustive
