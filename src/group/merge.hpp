// Merging the copies of one writer's block on several disks (algorithms.md 7.8). Pure.
#pragma once

#include <optional>
#include <vector>

#include "disk/block.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos {

// A block that stands for all copies it was merged from. Its value points into one of them.
struct Merge {
    bool initial = true;
    Block block;
};

enum class CopyState : std::uint8_t {
    sound,
    stale,    // valid, but some other disk has a newer copy: it missed writes
    damaged,  // unknown
};

// Of the readable copies of `among`: the highest promise, and apart from it the accepted pair of the highest
// accepted rank, as phase 0 takes them. Never the "largest block": a promise of one copy may be
// higher while the accepted value of another is (7.8, mutant heal_by_rank).
Merge merge(const std::vector<Decoded>& copies, DiskSet among);

// One copy per disk; `unknown` where there is none. Disks outside `among` are sound.
std::vector<CopyState> compare(const std::vector<Decoded>& copies, DiskSet among);

// What may be written to `disk`, whose copy is unknown, for a slot that nobody uses: the merge of
// the other copies, if those that are readable meet every quorum that contains this disk. Of an
// active disk that is its register: whatever this slot had counted there, it has, or what came after.
std::optional<Merge> heal(const std::vector<Decoded>& copies, std::size_t disk,
                          const QuorumRule& rule);

}  // namespace diskpaxos
