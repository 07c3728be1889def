#include "group/merge.hpp"

#include <algorithm>
#include <tuple>

#include "base/mutant.hpp"

namespace diskpaxos {

Merge merge(const std::vector<Decoded>& copies, DiskSet among) {
    Merge result;
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        const Decoded& copy = copies[disk];
        if (!among.contains(disk) || copy.state != BlockState::valid) continue;
        Block& merged = result.block;
        const Block& block = copy.block;
        if (mutated(Mutant::heal_by_rank)) {
            const bool larger = std::tie(block.promised, block.accepted) >
                                std::tie(merged.promised, merged.accepted);
            if (result.initial || larger) merged = block;
            result.initial = false;
            continue;
        }
        if (block.promised > merged.promised || result.initial) {
            merged.promised = block.promised;
            merged.incarnation = block.incarnation;
            merged.seq = block.seq;
        }
        if (block.accepted > merged.accepted) {
            merged.accepted = block.accepted;
            merged.value = block.value;
        }
        merged.committed = std::max(merged.committed, block.committed);
        result.initial = false;
    }
    return result;
}

std::vector<CopyState> compare(const std::vector<Decoded>& copies, DiskSet among) {
    const Merge newest = merge(copies, among);
    std::vector<CopyState> states(copies.size(), CopyState::sound);
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        const Decoded& copy = copies[disk];
        if (!among.contains(disk)) continue;
        if (copy.state == BlockState::unknown) {
            states[disk] = CopyState::damaged;
            continue;
        }
        const bool whole = copy.block.promised == newest.block.promised &&
                           copy.block.accepted == newest.block.accepted;
        if (!whole) states[disk] = CopyState::stale;
    }
    return states;
}

std::optional<Merge> heal(const std::vector<Decoded>& copies, std::size_t disk,
                          const QuorumRule& rule) {
    DiskSet readable;
    DiskSet without;  // this disk, and those that cannot be read
    std::size_t initial = 0;
    for (std::size_t other = 0; other < copies.size(); ++other) {
        if (other == disk || copies[other].state == BlockState::unknown) {
            without.insert(other);
            continue;
        }
        readable.insert(other);
        if (copies[other].state == BlockState::initial) ++initial;
    }
    const bool missed = rule.suffices(Purpose::read, without) ||
                        rule.suffices(Purpose::write, without) ||
                        rule.suffices(Purpose::recover, without);
    if (missed && !(mutated(Mutant::heal_from_one) && !readable.empty())) return std::nullopt;
    if (mutated(Mutant::heal_initial_by_half) && 2 * initial >= readable.size()) return Merge();
    return merge(copies, readable);
}

}  // namespace diskpaxos
