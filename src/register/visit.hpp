// Visit: what one disk contributes to a register. Passive disks are written and then read; active
// ones execute one read-modify-write. The register above sees no difference.
#pragma once

#include <memory>
#include <string_view>

#include "async/task.hpp"
#include "disk/block.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// Why a disk did not count.
struct Failure {
    enum class Kind : std::uint8_t { none, io, damaged, superseded, rolled_back, intruder, closed,
                                    quarantined, forbidden, above, foreign };
    Kind kind = Kind::none;
    int error = 0;                  // io: errno
    Damage damage = Damage::none;   // damaged
};

// What a visit or a look saw. It keeps the row alive that its value points into.
struct Sight {
    Sight() = default;
    explicit Sight(Failure f) : failure(f) {}

    Failure failure;   // kind none: the row is whole and, after a visit, our write is durable
    RowSummary row;
    std::uint64_t limit = 0;  // above the ceiling: the highest round that would have been let in
    IoPtr keep;

    bool seen() const { return failure.kind == Failure::Kind::none; }
};

// What a writer says of itself in its block.
struct Own {
    Proposer me;
    Rank rank;        // of the phase under way: what no other promise may exceed
    Proposer before;  // who used our block before us, if that is known
    std::uint64_t seq = 0;
    Rank promised;
    Rank accepted;
    Rank committed;
    Bytes value;

    Block block() const { return {me, seq, promised, accepted, committed, value}; }
};

// Our block as the other disks have it.
struct OwnCopy {
    bool initial = true;
    Block block;  // without its value
    Bytes value;

    void encode(ByteSpan out, const BlockAddress& address) const {
        if (initial) return encode_initial(out, address);
        Block whole = block;
        whole.value = value;
        encode_block(out, address, whole);
    }
};

class Visit {
  public:
    virtual ~Visit() = default;

    // Makes `own` durable in our block, then looks at all blocks. One visit at a time; a visit
    // that waits behind a hanging one is superseded by a newer. `own` must outlive the visit.
    virtual Task<Sight> visit(const Own& own) = 0;

    // Writes this into our block, which is damaged there, unless a visit has been there before or is on
    // its way: that does it as well. True if it is durable. Only where our block has a place of its own.
    virtual Task<bool> mend(const OwnCopy&) { co_return false; }

    // Looks without writing. The promise of `aside` does not count in row.promised.
    virtual Task<Sight> look(Proposer aside) = 0;

    // Promises this rank, and nothing else; only on disks that judge. Many may be on their way at a
    // time, and they arrive in their order, or not at all.
    virtual Task<Sight> promise(Proposer, std::uint64_t, Rank) {
        co_return Sight(Failure{Failure::Kind::closed, 0, Damage::none});
    }

    // Whether the disk itself compares ranks. Then what it shows as accepted was counted there, and
    // one look tells as much as two on a disk that does not (algorithms.md 4.5). It has no block of
    // ours to be recovered, but everything that was ever counted there.
    virtual bool judges() const { return false; }

    // Whether visit() may write there. Phase 0 counts only disks that are open: on another one a
    // write of our predecessor may still be on its way, and what it says today proves nothing.
    virtual bool open() const { return true; }

    // Looks when a rank above `beyond` has been accepted there; only on disks that judge. It may
    // take for ever, or end early for the disk's own reasons.
    virtual Task<Sight> watch(Rank) { co_return Sight(Failure{Failure::Kind::closed, 0, Damage::none}); }

    virtual std::string_view name() const = 0;
};

}  // namespace diskpaxos
