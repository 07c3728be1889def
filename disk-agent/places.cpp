#include "disk-agent/places.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace diskpaxos::agent {

// An eighth is for UNIX sockets, and one for networks. An origin may be a whole data centre behind
// one address, so it gets three quarters; half of all may be strangers of one origin, which are as
// many as arrive at once when an agent comes back. A client has five eighths, less than an
// origin.
Places::Limits Places::Limits::of(unsigned all) {
    constexpr unsigned few = 16;
    return {.all = all,
            .by_network = all - all / 8,
            .by_socket = all - all / 8,
            .of_origin = all - all / 4,
            .strangers_of_origin = std::max(all / 2, std::min(all, few)),
            .of_client = all - all / 4 - all / 8};
}

bool Places::full_for(const Guest& guest) const {
    const bool reserved = guest.local_ ? taken_ - by_network_ >= limits_.by_socket
                                       : by_network_ >= limits_.by_network;
    return taken_ >= limits_.all || reserved;
}

// One that comes over a network takes no place from one of this host. One of this host does, but
// not those that are for networks.
Places::Guest* Places::stranger_for(const Guest& guest) const {
    const bool all_sockets = taken_ - by_network_ >= limits_.by_socket;
    if (!guest.local_ || !all_sockets) return first_stranger(guest.local_);
    return strangers_[1].empty() ? nullptr : strangers_[1].front();
}

Places::Guest* Places::first_stranger(bool local_as_well) const {
    Guest* first = strangers_[0].empty() ? nullptr : strangers_[0].front();
    if (!local_as_well || strangers_[1].empty()) return first;
    Guest* local = strangers_[1].front();
    return first == nullptr || local->turn_ < first->turn_ ? local : first;
}

Places::Decision Places::enter(Guest& guest) {
    CHECK(!guest.inside_);
    Decision decision;
    const auto known = origins_.find(guest.origin_);
    if (known != origins_.end()) {
        const Origin& own = known->second;
        const bool much = own.taken >= limits_.of_origin;
        if (much && own.strangers.empty()) return {.answer = Answer::origin_full};
        if (much || own.strangers.size() >= limits_.strangers_of_origin) {
            decision.leaves = own.strangers.front();
            leave(*decision.leaves);
        }
    }
    if (decision.leaves == nullptr && full_for(guest)) {
        decision.leaves = stranger_for(guest);
        if (decision.leaves == nullptr) return {.answer = Answer::full};
        leave(*decision.leaves);
    }
    Origin& own = origins_[guest.origin_];
    ++own.taken;
    ++taken_;
    by_network_ += guest.local_ ? 0 : 1;
    guest.inside_ = guest.stranger_ = true;
    guest.turn_ = ++turns_;
    std::list<Guest*>& all = strangers_[guest.local_];
    guest.among_all_ = all.insert(all.end(), &guest);
    guest.among_its_own_ = own.strangers.insert(own.strangers.end(), &guest);
    return decision;
}

void Places::forget_stranger(Guest& guest) {
    if (!guest.stranger_) return;
    guest.stranger_ = false;
    strangers_[guest.local_].erase(guest.among_all_);
    origins_.find(guest.origin_)->second.strangers.erase(guest.among_its_own_);
}

void Places::greeted(Guest& guest) {
    if (guest.inside_) forget_stranger(guest);
}

void Places::leave(Guest& guest) {
    if (!guest.inside_) return;
    forget_stranger(guest);
    guest.inside_ = false;
    --taken_;
    by_network_ -= guest.local_ ? 0 : 1;
    const auto own = origins_.find(guest.origin_);
    if (--own->second.taken == 0) origins_.erase(own);
}

Places::Guest* Places::push_out() {
    Guest* first = first_stranger(true);
    if (first != nullptr) leave(*first);
    return first;
}

}  // namespace diskpaxos::agent
