#include "group/ruling.hpp"

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

constexpr Purposes for_both{.read = true, .write = true};

bool same(const SlotEntry& one, const SlotEntry& other) {
    return one.turn == other.turn && one.stamp == other.stamp;
}

// The readable entry of the highest turn, who shows it, and who may be hiding it.
struct Top {
    SlotEntry entry;
    DiskSet showing;
    DiskSet hiding;  // damaged, and in a clean claim also what was not reached
    bool disputed = false;
    bool certain(const QuorumRule& rule) const {
        return rule.suffices(for_both, showing) || rule.suffices(for_both, showing | hiding);
    }
};

Top top_of(const std::vector<Showing>& disks, bool settling) {
    Top top;
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        const Showing& here = disks[disk];
        if (here.owner != Showing::Owner::sound) {
            const bool damaged = here.owner == Showing::Owner::damaged;
            if (damaged || !settling) top.hiding.insert(disk);
            continue;
        }
        if (top.showing.empty() || here.entry.turn > top.entry.turn) {
            top.entry = here.entry;
            top.showing = DiskSet();
            top.disputed = false;
        } else if (here.entry.turn == top.entry.turn && here.entry.stamp != top.entry.stamp) {
            top.disputed = top.disputed || here.entry.held() || top.entry.held();
        }
        if (same(here.entry, top.entry)) top.showing.insert(disk);
    }
    return top;
}

Ruling write(SlotEntry target) { return {Ruling::Kind::write, std::move(target)}; }
Ruling plain(Ruling::Kind kind) { return {kind, {}}; }

// Our own entry, for the turn that follows the top.
SlotEntry entered(const Petition& petition, SlotState state, std::uint64_t turn) {
    SlotEntry entry = petition.mine;
    entry.state = state;
    entry.turn = turn;
    return entry;
}

// The stamp stays, so that whoever writes it again writes the same.
SlotEntry freed(const SlotEntry& held) {
    SlotEntry entry = held;
    entry.state = SlotState::free;
    entry.turn = held.turn + 1;
    return entry;
}

// A mender: what others began is completed if it may have been counted anywhere, else it is void.
Ruling mend(const Petition& petition, const Top& top, const QuorumRule& rule) {
    const SlotEntry& entry = top.entry;
    if (!entry.held()) return write(entered(petition, SlotState::borrowed, entry.turn + 1));
    if (entry.host == petition.mine.host) {
        if (entry.state == SlotState::taken) return write(entry);
        return write(entered(petition, SlotState::borrowed, entry.turn + 2));
    }
    if (top.certain(rule)) return write(entry);
    if (!petition.settling) return plain(Ruling::Kind::leave);
    return write(entered(petition, SlotState::borrowed, entry.turn + 2));
}

Ruling release(const Petition& petition, const SlotEntry& entry) {
    const bool ours = entry.stamp == petition.before && entry.host == petition.mine.host;
    if (!ours || entry.state == SlotState::taken) return plain(Ruling::Kind::dispossessed);
    if (!entry.held()) return write(entry);  // begun before: the same again
    return write(freed(entry));
}

}  // namespace

Ruling rule_on(const Petition& petition, const std::vector<Showing>& disks, const QuorumRule& rule) {
    DiskSet tenures;
    bool all_reached = true;
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        const bool sound = disks[disk].owner == Showing::Owner::sound;
        if (disks[disk].tenure && disks[disk].counts && sound) tenures.insert(disk);
        all_reached = all_reached && disks[disk].owner != Showing::Owner::unreached;
    }
    if (!rule.suffices(for_both, tenures)) return plain(Ruling::Kind::undecided);
    const bool needs_all = petition.settling || petition.wish == Wish::forget;
    if (needs_all && !all_reached && !mutated(Mutant::settle_unreached)) {
        return plain(Ruling::Kind::undecided);
    }
    const Top top = top_of(disks, petition.settling);
    if (top.disputed) return plain(Ruling::Kind::disputed);
    const SlotEntry& entry = top.entry;
    const bool taken_by_us =
        entry.state == SlotState::taken && entry.host == petition.mine.host;
    switch (petition.wish) {
        case Wish::own:
            if (entry.held()) break;
            return write(entered(petition, SlotState::taken, entry.turn + 1));
        case Wish::mend:
            return mend(petition, top, rule);
        case Wish::release:
            return release(petition, entry);
        case Wish::keep:
            if (!taken_by_us) break;
            return write(entry);
        case Wish::give_back:
            if (!taken_by_us) break;
            return write(freed(entry));
        case Wish::forget:
            if (!entry.held() || entry.host != petition.forgotten) break;
            return write(freed(entry));
    }
    return plain(Ruling::Kind::leave);
}

}  // namespace diskpaxos
