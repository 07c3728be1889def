#include "search.hpp"

#include <algorithm>
#include <chrono>

#include "judge.hpp"

namespace diskpaxos::exhaustive {

Search::Search(const Cluster& cluster) : cluster_(cluster), atlas_(cluster, contents_) {
    CHECK(cluster.active <= cluster.disks && cluster.disks <= max_disks &&
          cluster.roles.size() <= max_actors);
    CHECK(cluster.slots * cluster.ring <= max_places);
    cells_ = !bare(cluster.roles.front().acts.front());
    all_places_ = static_cast<std::uint8_t>((1U << (cluster.slots * cluster.ring)) - 1);
    for (const Role& role : cluster.roles) {
        if (role.slot == no_slot) continue;
        const unsigned used = cluster.fresh_place ? cluster.crashes + 1 : 1;
        for (unsigned i = 0; i < std::min(used, cluster.ring); ++i) {
            written_places_ |= static_cast<std::uint8_t>(1U << (role.slot * cluster.ring + i));
        }
    }
    if (cluster.fault != Fault::none) written_places_ = all_places_;
}

State Search::start() {
    State state;
    for (std::size_t actor = 0; actor < cluster_.roles.size(); ++actor) {
        state.node[actor] = atlas_.root(actor, 0);
    }
    return state;
}

Place Search::place_of(const State& state, std::size_t actor) const {
    if (cluster_.roles[actor].slot == no_slot) return no_place;
    const std::uint32_t index = cluster_.fresh_place ? state.incarnation[actor] : 0U;
    return cluster_.roles[actor].slot * cluster_.ring + index;
}

const Request& Search::request_of(const State& state, const Choice& choice) const {
    std::size_t older = choice.flight;
    for (const Request& request : atlas_[state.node[choice.actor]].portrait.requests) {
        if (request.disk == choice.disk && older-- == 0) return request;
    }
    UNREACHABLE();
}

// A state's name: the columns of the disks sorted, then all that belongs to no disk.
Digest Search::digest(const State& state) const {
    std::array<Digest, max_disks> columns;
    for (std::size_t disk = 0; disk < cluster_.disks; ++disk) {
        Hasher hasher;
        hasher.add(is_active(disk) ? 1 : 0);
        for (const Content content : state.disk[disk]) hasher.add(content);
        for (std::size_t actor = 0; actor < cluster_.roles.size(); ++actor) {
            const Portrait& portrait = atlas_[state.node[actor]].portrait;
            hasher.add(portrait.column[disk]);
            std::size_t at = 0;
            for (const Request& request : portrait.requests) {
                if (request.disk != disk) continue;
                const Flight& flight = state.flight[actor][disk][at++];
                hasher.add((flight.landed ? 256U : 0U) | flight.seen);
                if (flight.seen == 0) continue;
                for (const Content content : flight.row) hasher.add(content);
            }
        }
        for (std::size_t i = 0; i < state.ghosts; ++i) {
            const Ghost& ghost = state.ghost[i];
            if (ghost.disk == disk) hasher.add(ghost.place).add(ghost.content);
        }
        if (state.snapshot_of == static_cast<int>(disk)) {
            for (const Content content : state.snapshot) hasher.add(content);
        }
        columns[disk] = hasher.done();
    }
    for (std::size_t i = 1; i < cluster_.disks; ++i) {  // four at most: sorted by insertion
        for (std::size_t j = i; j > 0 && columns[j] < columns[j - 1]; --j) {
            std::swap(columns[j], columns[j - 1]);
        }
    }
    Hasher hasher;
    for (std::size_t disk = 0; disk < cluster_.disks; ++disk) hasher.add(columns[disk]);
    for (std::size_t actor = 0; actor < cluster_.roles.size(); ++actor) {
        hasher.add(atlas_[state.node[actor]].portrait.common);
        hasher.add(state.incarnation[actor]).add(state.invoked[actor] ? 1 : 0);
    }
    hasher.add(state.crashes).add(state.expiries).add(state.faults).add(state.repeats);
    for (std::size_t i = 0; i < state.moments; ++i) {
        const Moment& moment = state.history[i];
        hasher.add(static_cast<std::uint64_t>(moment.kind)).add(moment.operation);
        hasher.add(static_cast<std::uint64_t>(moment.outcome.kind)).add(moment.outcome.value);
    }
    return hasher.done();
}

// Breadth first, so that the first violation has the shortest schedule.
Search::Result Search::run(std::size_t most_states) {
    struct Link {
        std::uint32_t parent;
        Choice choice;
    };
    const auto started = std::chrono::steady_clock::now();
    Result result;
    DigestSet seen;
    std::vector<Link> links{{0, {}}};
    std::vector<std::pair<State, std::uint32_t>> level, next;
    std::vector<Choice> options;
    level.emplace_back(start(), 0);
    seen.insert(digest(level.front().first));
    bool cut = false;
    for (; !level.empty() && result.violation.empty() && !cut; ++result.depth) {
        for (const auto& [state, number] : level) {
            options.clear();
            choices(state, options);
            for (const Choice& choice : options) {
                State after = state;
                ++result.steps;
                if (!step(after, choice, result.violation)) {
                    ++result.skipped;
                    continue;
                }
                const bool fresh = seen.insert(digest(after));
                if (!fresh && result.violation.empty()) continue;
                links.push_back({number, choice});
                next.emplace_back(after, static_cast<std::uint32_t>(links.size() - 1));
                if (!result.violation.empty()) break;
            }
            cut = seen.size() >= most_states;
            if (!result.violation.empty() || cut) break;
        }
        if (!result.violation.empty()) break;
        level.swap(next);
        next.clear();
    }
    if (!result.violation.empty()) {
        for (std::uint32_t at = next.back().second; at != 0; at = links[at].parent) {
            result.schedule.push_back(links[at].choice);
        }
        std::ranges::reverse(result.schedule);
    }
    result.complete = result.violation.empty() && !cut && result.skipped == 0;
    result.states = seen.size();
    result.local_states = atlas_.size();
    result.runs = atlas_.runs();
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return result;
}

}  // namespace diskpaxos::exhaustive
