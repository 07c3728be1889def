// Step: the one atomic read-modify-write that makes a disk active (Chockler & Malkhi, Active Disk
// Paxos; algorithms.md 3.3). Pure: an agent runs it beside its disk, COMPARE AND WRITE runs it at
// the client, the simulator in virtual time.
//
// An active disk keeps one block per register, whoever writes it and however many they are: the
// highest rank promised, the highest accepted, and its value. A request is the very block that a
// writer would put into its own place on a passive disk, sent at the rank of its phase:
//
//   read(r)      its block promises r          → promised := r, the rest stays
//   write(r, v)  its block has accepted (r, v) → accepted := (r, v), promised := what it promises
//
// Both are refused if the register has promised or accepted a higher rank. The answer shows the
// block as it stood before.
//
// Late, repeated and reordered requests are harmless. A read that comes late is refused, or raises
// a promise that nobody relies on. A write that comes late is refused, or takes effect late, which
// every write of unknown outcome may do at any time. One that comes again finds its own rank
// accepted with its own value, and is answered as done; two values under one rank are a conflict:
// somebody uses a rank that is not his. So no slot, no lane and no drain time is needed here.
//
// An agent sets a *ceiling* to those who may not format its store (disk/ceiling.hpp, ceiling-C1): a
// request that promises more than that is answered `above`, and changes nothing. Restoring has no
// rank, and no ceiling.
//
// A damaged register takes no step. It can be *restored*, by a request without a rank that names
// the damage it was made for: group/heal_registers.hpp says from what, and why that is safe.
#pragma once

#include "disk/block.hpp"
#include "disk/ceiling.hpp"

namespace diskpaxos {

enum class StepVerdict : std::uint8_t {
    done,      // executed, now or before
    refused,   // a higher rank has been here: its promise stands in the answer
    conflict,  // another value was accepted under this very rank
    damaged,   // what lies there is no block of this register: unknown, never initial
    above,     // it promises more than the ceiling allows; nothing has been done
};

struct Stepped {
    StepVerdict verdict = StepVerdict::damaged;
    bool changed = false;  // `next` differs from what was there: it must be durable before the answer
    std::uint64_t limit = no_ceiling;  // above: the highest round that would have been let in
};

// `request` is a sound block, whose address says which register is meant (place 0 of its row);
// `present` is what lies there. Composes what shall lie there into `next`, of the same size, if it
// differs. `ceiling`: of whoever asks.
Stepped step(ByteView present, ByteView request, Rank rank, ByteSpan next,
             std::uint64_t ceiling = no_ceiling);

// The rank of a request that restores what `present` shows: no round, and the damage's checksum.
Rank restoring(ByteView present);
constexpr bool restores(Rank rank) { return rank.none(); }

// Whether a block may be sent as a request at this rank.
bool well_formed(ByteView request, Rank rank);

}  // namespace diskpaxos
