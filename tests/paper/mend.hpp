// A block of ours is mended on a disk that lost it (docs/protocol.md, "Healing").
#pragma once

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {

class MendPlay : public Testbed {
  public:
    static constexpr std::uint16_t p = 0;
    static Rank rank(std::uint64_t round) { return {round, Proposer::of(p, 1)}; }

    MendPlay() : visit(disk(0), address(0), place(p), 0, Quarantine{&clock, ghost}) {}

    OwnCopy older() {
        OwnCopy copy;
        copy.initial = false;
        copy.block = {.incarnation = Proposer::of(p, 9),
                      .seq = 4,
                      .promised = {2, Proposer::of(p, 9)},
                      .accepted = {2, Proposer::of(p, 9)},
                      .committed = {},
                      .value = {}};
        copy.value.assign(as_bytes("older").begin(), as_bytes("older").end());
        return copy;
    }
    Own newer() const {
        Own own;
        own.me = Proposer::of(p, 1);
        own.rank = own.promised = rank(5);
        own.seq = 1;
        return own;
    }
    Decoded ours() { return block(0, place(p)); }

    // mend-M1: what the other disks had of our block never replaces what we have written since.
    bool a_visit_is_not_undone() {
        const Own own = newer();
        const Sight sight = run(visit.visit(own));
        const bool mended = run(visit.mend(older()));
        return sight.seen() && !mended && ours().block.promised == rank(5);
    }

    PassiveVisit visit;
};

}  // namespace diskpaxos
