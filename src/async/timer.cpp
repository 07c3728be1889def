#include "async/timer.hpp"

#include "base/check.hpp"

namespace diskpaxos {

Timer::~Timer() {
    if (queue_ != nullptr) queue_->disarm(*this);
}

void TimerQueue::arm(Timer& timer, Runnable& sleeper) {
    CHECK(timer.queue_ == nullptr);
    timer.queue_ = this;
    timer.sleeper_ = &sleeper;
    Timer* before = last_;
    while (before != nullptr && before->due > timer.due) before = before->previous_;
    timer.previous_ = before;
    timer.next_ = before != nullptr ? before->next_ : first_;
    (before != nullptr ? before->next_ : first_) = &timer;
    (timer.next_ != nullptr ? timer.next_->previous_ : last_) = &timer;
}

void TimerQueue::disarm(Timer& timer) {
    if (timer.queue_ == nullptr) return;
    CHECK(timer.queue_ == this);
    (timer.previous_ != nullptr ? timer.previous_->next_ : first_) = timer.next_;
    (timer.next_ != nullptr ? timer.next_->previous_ : last_) = timer.previous_;
    timer.queue_ = nullptr;
}

void TimerQueue::fire_until(Instant now) {
    while (first_ != nullptr && first_->due <= now) {
        Timer& due = *first_;
        disarm(due);
        due.sleeper_->wake();
    }
}

}  // namespace diskpaxos
