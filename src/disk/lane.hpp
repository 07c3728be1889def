// Lane: at most one visit in flight per disk and register of one process. Two writes to one block
// in flight may land in either order, and then two values can be decided: 71 of 100,000 seeds
// without lanes, none with them (algorithms.md 2.6 row 2h, 6.1 O5).
//
// A visit that hangs keeps its lane until the disk answers; no time-out frees it. One visit may
// wait; a newer one takes its place, since only the newest content is worth writing.
#pragma once

#include <coroutine>

#include "async/run_queue.hpp"

namespace diskpaxos {

class Lane {
  public:
    Lane() = default;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    bool busy() const { return busy_; }
    bool waiting() const { return waiting_ != nullptr; }

    // co_await lane.enter(): true when it is our turn, false when a newer visit took our place.
    auto enter() { return Turn(*this); }
    void leave();

  private:
    struct Turn {
        explicit Turn(Lane& l) : lane(l) {}
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn();

        bool await_ready();
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> handle) {
            sleeper = &handle.promise().self;
            lane.take_waiting_room(*this);
        }
        bool await_resume();

        Lane& lane;
        Runnable* sleeper = nullptr;
        bool granted = false;
    };

    void take_waiting_room(Turn& turn);

    bool busy_ = false;
    Turn* waiting_ = nullptr;
};

}  // namespace diskpaxos
