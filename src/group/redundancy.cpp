#include "group/redundancy.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace diskpaxos {

namespace {

using Votes = Redundancy::Votes;

std::uint64_t count_of(const std::vector<Votes>& all, std::size_t disk, DiskSet Votes::* set) {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(all, [&](const Votes& one) { return (one.*set).contains(disk); }));
}

// With this many votes or fewer, if those that we may not see are given the benefit of the doubt.
std::uint64_t with_at_most(const std::vector<Votes>& all, std::size_t votes) {
    return static_cast<std::uint64_t>(std::ranges::count_if(
        all, [&](const Votes& one) { return one.possible().size() <= votes; }));
}

}  // namespace

Redundancy::Level Redundancy::level() const {
    if (lost_cells() + lost_slots() > 0) return Level::no_majority;
    const bool blind =
        std::ranges::none_of(cells, [&](const Votes& one) { return one.of.size() >= needed(); });
    if (blind) return Level::unseen;
    return with_at_most(cells, disks - 1) + with_at_most(slots, disks - 1) > 0 ? Level::degraded
                                                                               : Level::full;
}

std::uint64_t Redundancy::cells_of(std::size_t disk) const {
    return count_of(cells, disk, &Votes::of);
}
std::uint64_t Redundancy::slots_of(std::size_t disk) const {
    return count_of(slots, disk, &Votes::of);
}
std::uint64_t Redundancy::unseen_of(std::size_t disk) const {
    return count_of(cells, disk, &Votes::unseen);
}

bool Redundancy::votes_for_all(std::size_t disk) const {
    const auto votes = [disk](const Votes& one) { return one.possible().contains(disk); };
    return std::ranges::all_of(cells, votes) && std::ranges::all_of(slots, votes);
}

std::uint64_t Redundancy::bare_cells() const {
    return with_at_most(cells, needed());
}
std::uint64_t Redundancy::bare_slots() const {
    return with_at_most(slots, needed());
}
std::uint64_t Redundancy::lost_cells() const {
    return with_at_most(cells, needed() - 1);
}
std::uint64_t Redundancy::lost_slots() const {
    return with_at_most(slots, needed() - 1);
}

std::uint64_t Redundancy::unseen_cells() const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(cells, [](const Votes& one) { return !one.unseen.empty(); }));
}

const char* describe(Redundancy::Level level) {
    switch (level) {
        case Redundancy::Level::full:
            return "full";
        case Redundancy::Level::degraded:
            return "degraded";
        case Redundancy::Level::no_majority:
            return "no_majority";
        case Redundancy::Level::unseen:
            return "unseen";
    }
    UNREACHABLE();
}

}  // namespace diskpaxos
