// Scope: owns running tasks, stragglers included. Destroying it is the death of the process that
// it stands for: frames vanish where they stand, what they submitted still happens.
#pragma once

#include "async/event.hpp"
#include "async/run_queue.hpp"
#include "async/task.hpp"

namespace diskpaxos {

class Scope {
  public:
    explicit Scope(RunQueue& queue) : queue_(queue) { idle_.set(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

    void spawn(Task<void> task);  // starts it from the run queue
    Event& idle() { return idle_; }  // set while no task runs
    RunQueue& queue() { return queue_; }

  private:
    friend struct PromiseBase;
    void remove(PromiseBase& promise);

    RunQueue& queue_;
    PromiseBase* first_ = nullptr;
    Event idle_;
};

}  // namespace diskpaxos
