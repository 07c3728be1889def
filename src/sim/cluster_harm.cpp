// What is done to the disks of a cluster, by chance and by strangers.
#include <fmt/format.h>

#include <algorithm>

#include "sim/cluster.hpp"
#include "sim/link.hpp"

namespace diskpaxos::sim {

// A client that keeps to the bytes, and to nothing else (ceiling-C1). Its step comes by the way of
// whoever is there.
void Cluster::intrude(SimAgent& agent) {
    Platter& platter = agent.platter();
    const auto to_here = [&](const auto& path) { return &path->platter() == &platter; };
    const auto path = std::ranges::find_if(ways_.all(), to_here);
    const auto cell = static_cast<std::uint32_t>(world_.random().below(setup.geometry.cells));
    const std::uint64_t block = platter.geometry().row(cell).first;
    const Decoded present = platter.decode(block);
    if (path == ways_.all().end() || present.state == BlockState::unknown || !agent.ceiling) return;
    const Proposer stranger(0x5754'0000'0000'0000);
    const Rank rank{limit_above(present.block.promised.round, agent.ceiling()), stranger};
    invariants_.may_promise(cell, stranger);
    say(fmt::format("a stranger promises round {} on disk {}", rank.round, platter.number()));
    Bytes request(platter.geometry().block_size);
    encode_block(request, platter.row(cell).block(0),
                 {.incarnation = stranger, .seq = ++intrusions_, .promised = rank, .accepted = {},
                  .committed = {}, .value = {}});
    agent.step(static_cast<SimLink&>(**path), block, request, rank, [](const Stepped&, ByteView) {});
}

void Cluster::harm_frail(Platter& platter, unsigned what) {
    const Geometry& shape = platter.geometry();
    const std::uint64_t begin = shape.cells_begin();
    const std::uint64_t count = std::uint64_t{shape.cells} * shape.row_blocks();
    const std::uint64_t block = begin + world_.random().below(count);
    if (what == 5) return platter.flip(block, world_.random());
    if (what == 4) {
        const Extent part{block, 1 + world_.random().below(begin + count - block)};
        platter.fill(part, world_.chance(500) && !shape.active, world_.random());
        marks.count(Mark::wiped);
        return say(fmt::format("disk {} is wiped in part", platter.number()));
    }
    Platter* other = pick(faults_.frail);
    if (other == &platter || exchanged_.first != nullptr) return;
    if (shape.active || other->geometry().active) return;  // an agent knows which disk it has
    exchange(platter, *other);
    const Instant back = world_.now() + world_.between(microseconds(100), faults_.longest_hang);
    world_.at(back, [this] {
        if (exchanged_.first != nullptr) exchange(*exchanged_.first, *exchanged_.second);
    });
}

}  // namespace diskpaxos::sim
