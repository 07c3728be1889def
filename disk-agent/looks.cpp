#include "disk-agent/looks.hpp"

#include <algorithm>

#include "disk-agent/yield.hpp"

namespace diskpaxos::agent {

Looks::Wish::Wish(Looks& all, const std::string& client) : all_(all), client_(client) {
    const auto [own, is_new] = all.waiting_.try_emplace(client);
    if (is_new) all.turns_.push_back(client);
    place_ = own->second.insert(own->second.end(), this);
    all.wanted_.set();
}

Looks::Wish::~Wish() {
    if (waits_) all_.forget(*this);
}

Looks::Looks(RunQueue& queue, Clock& clock) : clock_(clock), scope_(queue) {
    scope_.spawn(grant_all());
}

// Its client keeps its turn until that comes: who asks in vain again and again gains nothing.
void Looks::forget(Wish& wish) {
    wish.waits_ = false;
    waiting_.find(wish.client_)->second.erase(wish.place_);
}

unsigned Looks::grant() {
    unsigned granted = 0;
    while (!turns_.empty() && granted < most_in_turn) {
        const auto own = waiting_.find(turns_.front());
        if (!own->second.empty()) {
            Wish& first = *own->second.front();
            forget(first);
            first.granted_.set();
            ++granted;
        }
        if (own->second.empty()) waiting_.erase(own);
        else turns_.push_back(std::move(turns_.front()));
        turns_.pop_front();
    }
    counts_.pieces += granted;
    counts_.turns += granted > 0 ? 1U : 0U;
    counts_.most_in_turn = std::max(counts_.most_in_turn, granted);
    return granted;
}

// A piece is due in the next turn, also to who has just looked at one.
Task<void> Looks::grant_all() {
    for (;;) {
        co_await wanted_.wait();
        wanted_.reset();
        while (!turns_.empty()) {
            NextTurn turn(clock_);
            co_await turn;
            grant();
        }
    }
}

}  // namespace diskpaxos::agent
