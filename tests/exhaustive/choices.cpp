// Which steps a state allows.
#include "search.hpp"

namespace diskpaxos::exhaustive {

void Search::choices(const State& state, std::vector<Choice>& out) const {
    for (std::size_t actor = 0; actor < cluster_.roles.size(); ++actor) {
        choices_of_actor(state, actor, out);
    }
    choices_of_world(state, out);
}

// A process that has used up its ranks is slow for ever: what it would write next never lands.
bool Search::in_bounds(const Request& request) const {
    return !cells_ || request.seq <= cluster_.phases;
}

// The places that a request reads at steps of their own, a bit for each.
std::uint8_t Search::to_read(const State& state, std::size_t actor, const Request& request) const {
    if (request.kind == Io::Kind::visit && mutated(Mutant::read_not_gated))
        return 0;  // read before
    if (is_active(request.disk)) return 1;
    const Place place = place_of(state, actor);
    const unsigned own = place == no_place ? 0 : 1U << place;
    return static_cast<std::uint8_t>(request.own_too ? written_places_ : written_places_ & ~own);
}

bool Search::ignores(const Request& request) {
    return request.stale && request.kind == Io::Kind::visit &&
           !mutated(Mutant::stale_answer_counted) && !mutated(Mutant::read_not_gated);
}

bool Search::reads_whole(const Request& request) const {
    return cluster_.whole_recovery && !cells_ && request.own_too;
}

void Search::choices_of_actor(const State& state, std::size_t actor,
                              std::vector<Choice>& out) const {
    using Kind = Choice::Kind;
    const auto who = static_cast<std::uint8_t>(actor);
    const Portrait& portrait = atlas_[state.node[actor]].portrait;
    const bool mortal = state.crashes < cluster_.crashes && (cluster_.mortals >> actor & 1U) != 0;
    std::array<std::uint8_t, max_disks> count{};
    for (const Request& request : portrait.requests) {
        const std::uint8_t at = count[request.disk]++;
        if (!in_bounds(request)) continue;
        const Flight& flight = state.flight[actor][request.disk][at];
        Choice choice{.actor = who, .disk = request.disk, .flight = at};
        if (request.kind != Io::Kind::read && !flight.landed) {
            choice.kind = Kind::land;
            out.push_back(choice);
            if (request.kind == Io::Kind::step && state.repeats < cluster_.repeats) {
                for (const Kind kind : {Kind::repeat, Kind::land_and_haunt}) {
                    choice.kind = kind;
                    out.push_back(choice);
                }
            }
            if (cluster_.fault == Fault::error && state.faults == 0) {
                choice.kind = Kind::error;
                out.push_back(choice);
            }
            if (cluster_.afterlife == Afterlife::torn && mortal && !is_active(request.disk)) {
                choice.kind = Kind::crash_torn;
                out.push_back(choice);
            }
            continue;
        }
        choice.kind = Kind::read;
        for (std::uint8_t place = 0; place < cluster_.slots * cluster_.ring; ++place) {
            const unsigned bit = 1U << place;
            if ((flight.seen & bit) != 0 || (to_read(state, actor, request) & bit) == 0) continue;
            choice.place = place;
            out.push_back(choice);
            if (ignores(request) || reads_whole(request)) break;
        }
    }
    if (portrait.patient) out.push_back({.kind = Kind::time_out, .actor = who});
    if (portrait.idle) out.push_back({.kind = Kind::begin, .actor = who});
    if (portrait.operating && state.expiries < cluster_.expiries) {
        out.push_back({.kind = Kind::expire, .actor = who});
    }
    if (mortal) out.push_back({.kind = Kind::crash, .actor = who});
}

void Search::choices_of_world(const State& state, std::vector<Choice>& out) const {
    using Kind = Choice::Kind;
    for (std::uint8_t i = 0; i < state.ghosts; ++i) {
        const Ghost& ghost = state.ghost[i];
        out.push_back({.kind = Kind::haunt, .disk = ghost.disk, .place = i});
    }
    for (std::uint8_t disk = 0; disk < cluster_.disks; ++disk) {
        switch (cluster_.fault) {
            case Fault::none:
            case Fault::error:
                break;
            case Fault::unreadable:
            case Fault::blank:
                if (state.faults == 0) out.push_back({.kind = Kind::spoil, .disk = disk});
                break;
            case Fault::rollback:
                if (state.faults == 0) out.push_back({.kind = Kind::snapshot, .disk = disk});
                if (state.faults == 1 && state.snapshot_of == disk) {
                    out.push_back({.kind = Kind::restore, .disk = disk});
                }
                break;
        }
    }
}

}  // namespace diskpaxos::exhaustive
