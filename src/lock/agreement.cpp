#include "lock/agreement.hpp"

namespace diskpaxos {

namespace {

constexpr Purposes for_both{.read = true, .write = true};

DiskSays judge(const Glimpse& seen, Rank winner) {
    if (!seen.present) return DiskSays::absent;
    if (seen.forbidden) return DiskSays::forbidden;
    if (!seen.read) return DiskSays::unreadable;
    if (seen.damage != Damage::none) return DiskSays::damaged;
    return seen.accepted == winner ? DiskSays::agrees : DiskSays::behind;
}

}  // namespace

Glimpse glimpse(ByteView row, const RowAddress& address) {
    const RowSummary sum = summarise(row, address, no_place, nobody);
    Glimpse seen;
    seen.present = seen.read = true;
    seen.damage = sum.damage;
    seen.promised = sum.promised;
    seen.accepted = sum.accepted;
    seen.committed = sum.committed;
    seen.record.assign(sum.value.begin(), sum.value.end());
    return seen;
}

const char* describe(DiskSays says) {
    switch (says) {
        case DiskSays::agrees:
            return "agrees";
        case DiskSays::behind:
            return "behind";
        case DiskSays::damaged:
            return "damaged";
        case DiskSays::unreadable:
            return "unreadable";
        case DiskSays::absent:
            return "absent";
        case DiskSays::forbidden:
            return "forbidden";
    }
    UNREACHABLE();
}

const char* describe(Standing standing) {
    switch (standing) {
        case Standing::committed:
            return "committed";
        case Standing::moving:
            return "moving";
        case Standing::no_majority:
            return "no_majority";
    }
    UNREACHABLE();
}

DiskSet Agreement::having() const {
    DiskSet set;
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        if (disks[disk] == DiskSays::agrees) set.insert(disk);
    }
    return set;
}

Agreement agreement(const std::vector<const Glimpse*>& disks, const QuorumRule& rule) {
    Agreement found;
    DiskSet counted;
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        if (disks[disk]->counts()) counted.insert(disk);
    }
    const bool quorum = rule.suffices(for_both, counted);
    Rank marked;
    const Glimpse* best = nullptr;
    for (const Glimpse* seen : disks) {
        if (!seen->read || (quorum && !seen->counts())) continue;
        marked = std::max(marked, seen->committed);
        if (seen->accepted > found.rank) {
            found.rank = seen->accepted;
            best = seen;
        }
    }
    if (best != nullptr) found.record = best->record;
    for (const Glimpse* seen : disks) found.disks.push_back(judge(*seen, found.rank));
    // A mark above the value says that it has been passed over while the rows were being read.
    if (quorum) found.standing = marked == found.rank ? Standing::committed : Standing::moving;
    return found;
}

bool confirms(ByteView row, const RowAddress& address, const Agreement& found) {
    const RowSummary sum = summarise(row, address, no_place, found.rank.proposer);
    if (address.geometry->active) return sum.whole() && sum.accepted == found.rank;
    return sum.whole() && sum.promised <= found.rank;
}

}  // namespace diskpaxos
