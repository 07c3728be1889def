#include "async/run_queue.hpp"

#include "base/check.hpp"

namespace diskpaxos {

Runnable::~Runnable() {
    if (queued_) queue->remove(*this);
}

void Runnable::wake() {
    CHECK(queue != nullptr);
    if (!queued_) queue->push(*this);
}

void RunQueue::push(Runnable& runnable) {
    runnable.queued_ = true;
    runnable.previous_ = tail_;
    runnable.next_ = nullptr;
    (tail_ != nullptr ? tail_->next_ : head_) = &runnable;
    tail_ = &runnable;
}

void RunQueue::remove(Runnable& runnable) {
    (runnable.previous_ != nullptr ? runnable.previous_->next_ : head_) = runnable.next_;
    (runnable.next_ != nullptr ? runnable.next_->previous_ : tail_) = runnable.previous_;
    runnable.queued_ = false;
}

void RunQueue::run_one() {
    CHECK(!empty());
    Runnable& first = *head_;
    remove(first);
    first.handle.resume();
}

void RunQueue::run_all() {
    while (!empty()) run_one();
}

}  // namespace diskpaxos
