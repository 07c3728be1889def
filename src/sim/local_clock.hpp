// LocalClock: the clock of one simulated process, which runs too fast or too slow and starts
// anywhere. It may jump, which real ones (CLOCK_BOOTTIME) do not: only runs beyond the bound do so.
// Judges work in the true time of the world, and translate.
#pragma once

#include <memory>

#include "sim/world.hpp"

namespace diskpaxos::sim {

class LocalClock final : public Clock {
  public:
    // Gains `drift` millionths of the time that passes.
    LocalClock(SimWorld& world, std::int64_t drift, Instant first);
    LocalClock(const LocalClock&) = delete;
    LocalClock& operator=(const LocalClock&) = delete;

    Instant now() const override { return at(world_.now()); }
    void arm(Timer& timer, Runnable& sleeper) override;
    void disarm(Timer& timer) override { timers_.disarm(timer); }

    Instant at(Instant truly) const;    // what it shows then, if it does not jump before
    Instant when(Instant local) const;  // the first true instant at which it shows that
    void jump(Duration by);

  private:
    void set_alarm();

    SimWorld& world_;
    std::int64_t drift_;
    Instant true_base_;  // then it showed local_base_
    Instant local_base_;
    TimerQueue timers_;
    Instant alarm_ = Instant::max();     // the next one; in true time
    std::shared_ptr<LocalClock*> self_;  // alarms may outlive us
};

}  // namespace diskpaxos::sim
