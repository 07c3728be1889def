#include "group/stamps.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

Watched::Watched(std::vector<TableCopy> first, Instant complete, Duration ttl)
    : first_(std::move(first)), due_(complete + ClaimTiming::of(ttl).life() + drain_time(ttl)) {
    if (mutated(Mutant::outlived_undrained)) due_ = complete + ClaimTiming::of(ttl).life();
}

void Watched::read_again(const std::vector<TableCopy>& second) { second_ = second; }

bool Watched::outlived_claim(std::size_t disk, std::uint32_t slot, std::uint32_t print) const {
    if (disk >= second_.size() || !first_[disk].read || !second_[disk].read) return false;
    return first_[disk].claim_prints[slot] == print && second_[disk].claim_prints[slot] == print;
}

bool Watched::outlived_owner(std::size_t disk, std::uint32_t slot, std::uint32_t print) const {
    if (disk >= second_.size() || !first_[disk].read || !second_[disk].read) return false;
    return first_[disk].owner_prints[slot] == print && second_[disk].owner_prints[slot] == print;
}

bool marked(const TableCopy& copy, std::uint32_t slot) {
    return copy.read && (!copy.claims[slot] || copy.claims[slot]->held() || !copy.owners[slot]);
}

bool damaged(const std::vector<TableCopy>& copies, std::uint32_t slot) {
    return std::ranges::any_of(copies, [slot](const TableCopy& copy) {
        return copy.read && (!copy.claims[slot] || !copy.owners[slot]);
    });
}

}  // namespace diskpaxos
