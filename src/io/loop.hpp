// Loop: time, the run queue and the disks of the real world, driven by one thread. It belongs to
// the thread that made it.
//
// One turn: everything that is ready runs until nothing is; then all that was asked of the disks
// meanwhile goes down in one submission, which is also the wait; then answers are handed out and
// timers fire. So a phase over all disks costs one system call (design, section 5).
//
// Disks die before the loop that carries them, and frames before both.
#pragma once

#include <concepts>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/run_queue.hpp"
#include "async/timer.hpp"
#include "disk/disk.hpp"

namespace diskpaxos::io {

class OpenDisk;

struct Counts {
    std::uint64_t submissions = 0;  // system calls that carried requests (and waited, mostly)
    std::uint64_t waits = 0;        // system calls that only waited
    std::uint64_t reads = 0;        // a visit is one write and one read
    std::uint64_t writes = 0;
};

class Loop : public Clock {
  public:
    Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() override;

    RunQueue& queue() { return queue_; }

    Instant now() const override;  // CLOCK_BOOTTIME: a suspended machine's leases run out too
    void arm(Timer& timer, Runnable& sleeper) override { timers_.arm(timer, sleeper); }
    void disarm(Timer& timer) override { timers_.disarm(timer); }

    // Drives everything until `done` holds. What was asked of the disks by then has gone down.
    template <std::predicate Done>
    void run_until(Done done) {
        for (queue_.run_all(); !done(); queue_.run_all()) turn_once();
        submit();
    }
    void run_until(const Event& event) {
        run_until([&event] { return event.is_set(); });
    }

    // From now on these signals set `arrived` instead of killing us; call it before threads start.
    // `arrived` must outlive the loop's driving; signal() is the last one that came.
    void watch_signals(std::initializer_list<int> signals, Event& arrived);
    int signal() const { return signal_; }

    // The disk as the protocol sees it. `disk` keeps its descriptor for as long as requests need
    // it.
    virtual std::unique_ptr<Disk> attach(const OpenDisk& disk, std::uint32_t block_size) = 0;

    virtual const char* backend() const = 0;
    const Counts& counts() const { return counts_; }

  protected:
    // Submits, waits for answers but not longer than `longest`, and finishes what was answered.
    virtual void turn(Duration longest) = 0;
    virtual void submit() = 0;       // without waiting
    virtual void watch(int fd) = 0;  // calls signal_arrived() when it can be read
    void signal_arrived();

    Counts counts_;

  private:
    void turn_once();

    RunQueue queue_;
    TimerQueue timers_;
    Event* arrived_ = nullptr;
    int signal_fd_ = -1;
    int signal_ = 0;
    sigset_t mask_before_{};
};

}  // namespace diskpaxos::io
