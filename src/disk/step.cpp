#include "disk/step.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

bool refuses(const Block& present, const Block& asked, Rank rank) {
    const bool is_write = asked.accepted == rank;
    if (mutated(Mutant::step_checks_writes_only) && !is_write) return false;
    if (mutated(Mutant::step_forgets_promise)) return present.accepted > rank;
    if (mutated(Mutant::step_equal_round)) return present.promised.round > rank.round;
    // A block's promise is never below what it has accepted, so it is the higher of the two.
    return present.promised > rank;
}

// ceiling-C1: of a write, what it promises along counts as well.
std::uint64_t reach(const Block& asked, Rank rank) {
    if (asked.accepted != rank) return rank.round;
    if (mutated(Mutant::ceiling_of_reads_only)) return 0;
    return std::max(rank.round, asked.promised.round);
}

// The register after a request that is not refused.
Block after(const Block& present, const Block& asked, Rank rank) {
    Block next = present;
    next.incarnation = asked.incarnation;  // the tag of the image: it never recurs
    next.seq = asked.seq;
    // No mark above what is accepted here: it would vouch for whatever is written there next.
    const bool is_write = asked.accepted == rank;
    const bool known = asked.committed <= (is_write ? rank : present.accepted);
    if (known) next.committed = std::max(present.committed, asked.committed);
    if (!is_write) {
        if (!mutated(Mutant::step_keeps_promise)) next.promised = std::max(present.promised, rank);
        return next;
    }
    next.accepted = rank;
    next.value = asked.value;
    next.promised = mutated(Mutant::step_promise_lowered) ? rank : asked.promised;
    // Below its own accepted rank a block makes no sense; only mutants come here.
    next.promised = std::max(next.promised, next.accepted);
    return next;
}

// Never over a sound block: whoever restored it before us may have been followed by others.
Stepped restore(ByteView present, BlockState state, ByteView request, Rank rank, ByteSpan next) {
    const bool sound = state != BlockState::unknown && !mutated(Mutant::ceiling_lowered);
    if (sound || rank != restoring(present)) return {StepVerdict::refused};
    std::ranges::copy(request, next.begin());
    return {StepVerdict::done, true};
}

}  // namespace

Rank restoring(ByteView present) { return {0, Proposer(crc32c(present))}; }

bool well_formed(ByteView request, Rank rank) {
    const BlockAddress address = address_of(request);
    if (address.kind != BlockKind::cell || address.slot != 0 || address.ring != 0) return false;
    const Decoded asked = decode_block(request, address);
    if (asked.state != BlockState::valid) return false;
    return restores(rank) || asked.block.accepted == rank || asked.block.promised == rank;
}

Stepped step(ByteView present, ByteView request, Rank rank, ByteSpan next,
             std::uint64_t ceiling) {
    const BlockAddress address = address_of(request);
    const Decoded before = decode_block(present, address);
    if (restores(rank)) return restore(present, before.state, request, rank, next);
    if (before.state == BlockState::unknown && !mutated(Mutant::step_unknown_as_initial)) {
        return {StepVerdict::damaged};
    }
    const Block asked = decode_block(request, address).block;
    if (asked.accepted == rank && before.block.accepted == rank) {
        const bool same = std::ranges::equal(asked.value, before.block.value);
        return {same ? StepVerdict::done : StepVerdict::conflict};
    }
    if (refuses(before.block, asked, rank)) return {StepVerdict::refused};
    const std::uint64_t limit = limit_above(before.block.promised.round, ceiling);
    if (reach(asked, rank) > limit) return {StepVerdict::above, false, limit};
    encode_block(next, address, after(before.block, asked, rank));
    return {StepVerdict::done, !std::ranges::equal(next, present)};
}

}  // namespace diskpaxos
