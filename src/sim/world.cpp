#include "sim/world.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace diskpaxos::sim {

Duration SimWorld::between(Duration least, Duration most) {
    CHECK(least <= most);
    const auto width = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + Duration(static_cast<Duration::rep>(random_.below(width)));
}

void SimWorld::at(Instant due, std::function<void()> what) {
    occurrences_.push_back({std::max(due, now()), sequence_++, std::move(what)});
    std::ranges::push_heap(occurrences_, std::less<>());
}

bool SimWorld::anything_ready() const {
    return std::ranges::any_of(strands_,
                               [](const Strand* s) { return !s->held && !s->queue.empty(); });
}

bool SimWorld::resume_one() {
    for (std::size_t i = 0; i < strands_.size(); ++i) {
        Strand& strand = *strands_[i];
        if (strand.held || strand.queue.empty()) continue;
        digest(i + 1);
        strand.queue.run_one();
        return true;
    }
    return false;
}

bool SimWorld::next_due(Instant& due) const {
    if (occurrences_.empty() && clock_.timers_.empty()) return false;
    due = Instant::max();
    if (!occurrences_.empty()) due = occurrences_.front().due;
    if (!clock_.timers_.empty()) due = std::min(due, clock_.timers_.first_due());
    return true;
}

bool SimWorld::step() {
    if (resume_one()) {
        ++steps_;
        return true;
    }
    Instant due;
    if (!next_due(due)) return false;
    ++steps_;
    clock_.now_ = std::max(now(), due);
    digest(static_cast<std::uint64_t>(now().time_since_epoch().count()));
    if (!occurrences_.empty() && occurrences_.front().due <= now()) {
        std::ranges::pop_heap(occurrences_, std::less<>());
        const auto what = std::move(occurrences_.back().what);
        occurrences_.pop_back();
        what();
    } else {
        clock_.timers_.fire_until(now());
    }
    return true;
}

void SimWorld::run(Instant end) {
    Instant due;
    while (anything_ready() || (next_due(due) && due <= end)) step();
}

void SimWorld::digest(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
}

}  // namespace diskpaxos::sim
