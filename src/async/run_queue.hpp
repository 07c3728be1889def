// The run queue: coroutines that are ready to go on. They are resumed from the loop only, never
// from inside a submission or an await, so no call ever re-enters the code that woke it.
#pragma once

#include <coroutine>

namespace diskpaxos {

class RunQueue;

// A coroutine's place in a run queue. It leaves the queue when its frame dies.
class Runnable {
  public:
    Runnable() = default;
    Runnable(const Runnable&) = delete;
    Runnable& operator=(const Runnable&) = delete;
    ~Runnable();

    void wake();  // ready to go on; waking twice before it ran is waking once

    std::coroutine_handle<> handle;
    RunQueue* queue = nullptr;

  private:
    friend class RunQueue;
    Runnable* next_ = nullptr;
    Runnable* previous_ = nullptr;
    bool queued_ = false;
};

class RunQueue {
  public:
    RunQueue() = default;
    RunQueue(const RunQueue&) = delete;
    RunQueue& operator=(const RunQueue&) = delete;

    bool empty() const { return head_ == nullptr; }
    void run_one();
    void run_all();  // until nothing is ready any more

  private:
    friend class Runnable;
    void push(Runnable& runnable);
    void remove(Runnable& runnable);

    Runnable* head_ = nullptr;
    Runnable* tail_ = nullptr;
};

}  // namespace diskpaxos
