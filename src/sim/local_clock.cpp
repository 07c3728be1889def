#include "sim/local_clock.hpp"

namespace diskpaxos::sim {

namespace {
constexpr std::int64_t million = 1'000'000;
}

LocalClock::LocalClock(SimWorld& world, std::int64_t drift, Instant first)
    : world_(world),
      drift_(drift),
      true_base_(world.now()),
      local_base_(first),
      self_(std::make_shared<LocalClock*>(this)) {}

Instant LocalClock::at(Instant truly) const {
    const std::int64_t passed = (truly - true_base_).count();
    return local_base_ +
           Duration(passed + passed / million * drift_ + passed % million * drift_ / million);
}

Instant LocalClock::when(Instant local) const {
    const std::int64_t shown = (local - local_base_).count();
    const std::int64_t rate = million + drift_;
    Instant truly = true_base_ + Duration(shown / rate * million + shown % rate * million / rate);
    while (at(truly) < local) truly += Duration(1);
    while (at(truly - Duration(1)) >= local) truly -= Duration(1);
    return truly;
}

void LocalClock::arm(Timer& timer, Runnable& sleeper) {
    timers_.arm(timer, sleeper);
    set_alarm();
}

void LocalClock::jump(Duration by) {
    local_base_ = now() + by;
    true_base_ = world_.now();
    alarm_ = Instant::max();
    set_alarm();
}

// Alarms are not taken back: one that finds nothing due sets the next.
void LocalClock::set_alarm() {
    if (timers_.empty()) return;
    const Instant due = timers_.first_due();
    const Instant next = due <= now() ? world_.now() : when(due);
    if (next >= alarm_) return;
    alarm_ = next;
    world_.at(next, [next, weak = std::weak_ptr(self_)] {
        const auto alive = weak.lock();
        if (!alive) return;
        LocalClock& clock = **alive;
        if (clock.alarm_ == next) clock.alarm_ = Instant::max();
        clock.timers_.fire_until(clock.now());
        clock.set_alarm();
    });
}

}  // namespace diskpaxos::sim
