#include "atlas.hpp"

#include <algorithm>

namespace diskpaxos::exhaustive {

namespace {

Digest key_of(NodeId from, const Input& input) {
    Hasher hasher;
    hasher.add(from).add(static_cast<std::uint64_t>(input.kind)).add(input.disk).add(input.flight);
    for (const Content content : input.row) hasher.add(content);
    hasher.add(static_cast<std::uint64_t>(input.verdict));
    return hasher.done();
}

// The place of a request among those to its disk, oldest first.
std::size_t position(const std::vector<Request>& requests, const Request& request) {
    return static_cast<std::size_t>(std::ranges::count_if(requests, [&](const Request& other) {
        return other.disk == request.disk && other.serial < request.serial;
    }));
}

}  // namespace

Digest digest_of(const Portrait& portrait, std::size_t disks) {
    Hasher hasher;
    hasher.add(portrait.common);
    for (std::size_t disk = 0; disk < disks; ++disk) hasher.add(portrait.column[disk]);
    return hasher.done();
}

NodeId Atlas::intern(const Portrait& portrait, std::size_t role, unsigned incarnation,
                     const Input* via, NodeId parent) {
    const Digest digest = digest_of(portrait, cluster_.disks);
    const auto [known, fresh] = known_.try_emplace(digest, static_cast<NodeId>(nodes_.size()));
    if (fresh) {
        const NodeId from = via != nullptr ? parent : known->second;
        nodes_.push_back({portrait, role, incarnation, from, via != nullptr ? *via : Input{}});
    }
    return known->second;
}

NodeId Atlas::root(std::size_t role, unsigned incarnation) {
    const std::uint64_t key = role * 64 + incarnation;
    if (const auto known = roots_.find(key); known != roots_.end()) return known->second;
    const Actor actor(stage_, cluster_.roles[role], incarnation);
    ++runs_;
    return roots_[key] = intern(actor.portrait(), role, incarnation, nullptr, 0);
}

void Atlas::walk(Actor& actor, NodeId to) const {
    std::vector<const Input*> inputs;
    for (NodeId at = to; nodes_[at].parent != at; at = nodes_[at].parent) {
        inputs.push_back(&nodes_[at].via);
    }
    for (auto input = inputs.rbegin(); input != inputs.rend(); ++input) actor.happen(**input);
}

const Road& Atlas::follow(NodeId from, const Input& input) {
    const auto [place, fresh] = roads_.try_emplace(key_of(from, input));
    Road& road = place->second;
    if (!fresh) return road;
    const std::size_t role = nodes_[from].role;
    const unsigned incarnation = nodes_[from].incarnation;
    Actor actor(stage_, cluster_.roles[role], incarnation);
    ++runs_;
    walk(actor, from);
    const std::vector<Request> before = actor.requests();
    actor.happen(input);
    const Portrait portrait = actor.portrait();
    for (auto& disk : road.was) disk.fill(-1);
    for (const Request& request : portrait.requests) {
        const std::size_t at = position(portrait.requests, request);
        if (at >= max_flights) {
            road.too_many = true;
            break;
        }
        const auto old = std::ranges::find_if(before, [&](const Request& other) {
            return other.disk == request.disk && other.serial == request.serial;
        });
        if (old == before.end()) continue;
        road.was[request.disk][at] = static_cast<std::int8_t>(position(before, *old));
    }
    road.to = intern(portrait, role, incarnation, &input, from);
    return road;
}

}  // namespace diskpaxos::exhaustive
