// Timers in the order in which they are due, without allocation.
#pragma once

#include <chrono>
#include <cstdint>

#include "async/run_queue.hpp"

namespace diskpaxos {

using Duration = std::chrono::nanoseconds;

struct ProtocolClock {  // tag of Instant; its zero is the clock's own
    using rep = std::int64_t;
    using period = std::nano;
    using duration = Duration;
    using time_point = std::chrono::time_point<ProtocolClock>;
    static constexpr bool is_steady = true;
};
using Instant = ProtocolClock::time_point;

class TimerQueue;

struct Timer {
    explicit Timer(Instant at) : due(at) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    Instant due;

  private:
    friend class TimerQueue;
    Runnable* sleeper_ = nullptr;
    TimerQueue* queue_ = nullptr;
    Timer* next_ = nullptr;
    Timer* previous_ = nullptr;
};

// Sorted by due time, first in first out among equals; new timers are mostly late ones, so the
// place is sought from the end.
class TimerQueue {
  public:
    TimerQueue() = default;
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    bool empty() const { return first_ == nullptr; }
    Instant first_due() const { return first_->due; }
    void arm(Timer& timer, Runnable& sleeper);
    void disarm(Timer& timer);
    void fire_until(Instant now);  // wakes the sleepers of all timers that are due

  private:
    Timer* first_ = nullptr;
    Timer* last_ = nullptr;
};

}  // namespace diskpaxos
