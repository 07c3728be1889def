// Atlas: every state that one process can be in, and where each input leads from it, drawn by
// running the real code once for each. A place on the map is kept as the road that led there, since
// a coroutine frame cannot be copied: to try a new input the process is built anew and walks the
// road.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "actor.hpp"

namespace diskpaxos::exhaustive {

using NodeId = std::uint32_t;

struct Node {
    Portrait portrait;
    std::size_t role = 0;
    unsigned incarnation = 0;
    NodeId parent = 0;  // itself, of a root
    Input via;
};

struct Road {
    NodeId to = 0;
    // Per disk and request after: which request before it was, or -1 if it is new.
    std::array<std::array<std::int8_t, max_flights>, max_disks> was{};
    bool too_many = false;  // more requests in flight than a state can hold
};

class Atlas {
  public:
    Atlas(const Cluster& cluster, Contents& contents)
        : cluster_(cluster), stage_(cluster, contents) {}

    NodeId root(std::size_t role, unsigned incarnation);
    const Road& follow(NodeId from, const Input& input);
    const Node& operator[](NodeId id) const { return nodes_[id]; }
    std::size_t size() const { return nodes_.size(); }
    std::size_t runs() const { return runs_; }  // how often the real code was run

  private:
    NodeId intern(const Portrait& portrait, std::size_t role, unsigned incarnation,
                  const Input* via, NodeId parent);
    void walk(Actor& actor, NodeId to) const;

    const Cluster& cluster_;
    Stage stage_;
    std::vector<Node> nodes_;
    std::unordered_map<Digest, NodeId, DigestHash> known_;
    std::unordered_map<Digest, Road, DigestHash> roads_;
    std::unordered_map<std::uint64_t, NodeId> roots_;
    std::size_t runs_ = 0;
};

Digest digest_of(const Portrait& portrait, std::size_t disks);

}  // namespace diskpaxos::exhaustive
