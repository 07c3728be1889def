#include "register/climb.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_both{.read = true, .write = true};
}  // namespace

void Climb::barred(std::size_t disk, Rank promised, std::uint64_t limit, Instant now) {
    stands(disk, promised);
    stands_[disk].limit = limit;
    told_at_ = now;
    limited_ = barred_ = true;
}

// What it lets in above what stands there needs not be told.
std::uint64_t Climb::limit(std::size_t disk) const {
    const Stand& stand = stands_[disk];
    return stand.limit == no_ceiling ? no_ceiling : limit_above(stand.promised.round, stand.limit);
}

DiskSet Climb::admitted(DiskSet silent, Rank above) const {
    DiskSet result;
    for (std::size_t disk = 0; disk < stands_.size(); ++disk) {
        const bool counts = !silent.contains(disk) && reaches(disk, above);
        if (counts && admits(disk, above)) result.insert(disk);
    }
    return result;
}

// With as little to walk as can be: `rounds` is what the one that is furthest behind has before it.
Climb::Way Climb::climb_to(const QuorumRule& rule, DiskSet silent, Rank above,
                           std::uint64_t& rounds) const {
    Way way{.found = false, .above = above, .walk = {}};
    DiskSet enough = admitted(silent, above);
    while (!rule.suffices(for_both, enough)) {
        std::size_t next = stands_.size();
        for (std::size_t disk = 0; disk < stands_.size(); ++disk) {
            const bool candidate =
                !silent.contains(disk) && !enough.contains(disk) && reaches(disk, above);
            if (candidate && (next == stands_.size() || limit(disk) > limit(next))) next = disk;
        }
        if (next == stands_.size()) return {};
        rounds = above.round + 2 - limit(next);
        enough.insert(next);
        way.walk.insert(next);
    }
    way.found = true;
    return way;
}

// Among the ranks that some disk has promised: the highest above which enough disks let us begin at
// once; if there is none, the one that takes the shortest walk.
Climb::Way Climb::way(const QuorumRule& rule, DiskSet silent, Rank least, Instant now) {
    if (limited_ && now - told_at_ > believed) {
        for (Stand& stand : stands_) stand.limit = no_ceiling;
        limited_ = false;
    }
    const bool free = !limited_ && highest_.round < last_round;
    if (free || mutated(Mutant::ceiling_jumped)) return {true, std::max(highest_, least), {}};
    Way best;
    std::uint64_t shortest = ~std::uint64_t{0};
    for (const Stand& stand : stands_) {
        const Rank above = std::max(stand.promised, least);
        if (above.round >= last_round) continue;
        std::uint64_t rounds = 0;
        const Way way = climb_to(rule, silent, above, rounds);
        const bool better = rounds < shortest || (rounds == shortest && above > best.above);
        if (!way.found || !better) continue;
        best = way;
        shortest = rounds;
    }
    return best;
}

}  // namespace diskpaxos
