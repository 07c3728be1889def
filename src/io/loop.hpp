// Loop: time, the run queue, and the disks and sockets of the real world, driven by one thread. It
// belongs to the thread that made it.
//
// One turn: everything that is ready runs until nothing is; then all that was asked of the disks
// and sockets meanwhile goes down in one submission, which is also the wait; then answers are
// handed out and timers fire. So a phase over all disks costs one system call, and so does a
// question to several peers together with the wait for their answers.
//
// Disks and sockets die before the loop that carries them, and frames before all three.
#pragma once

#include <poll.h>

#include <concepts>
#include <csignal>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/run_queue.hpp"
#include "async/timer.hpp"
#include "disk/disk.hpp"
#include "io/socket.hpp"

namespace diskpaxos::io {

class OpenDisk;

struct Counts {
    std::uint64_t submissions = 0;  // system calls that carried requests (and waited, mostly)
    std::uint64_t waits = 0;        // system calls that only waited
    std::uint64_t reads = 0;        // a visit is one write and one read
    std::uint64_t writes = 0;
    std::uint64_t sends = 0;     // of sockets; a send may take several messages along
    std::uint64_t receives = 0;  // pieces that arrived
};

Instant boot_time();  // CLOCK_BOOTTIME, for who has no loop

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
    // `arrived` must outlive the loop's driving; signal() is the last one that came, and
    // take_signals() gives each that came since it was asked last.
    void watch_signals(const std::vector<int>& signals, Event& arrived);
    int signal() const { return signal_; }
    std::vector<int> take_signals() { return std::exchange(signals_, {}); }

    // Sets `ready` when something can be read from `fd` or its other end is closed, and looks
    // again once the event has been reset: reset it, then read dry. Forget it before either dies.
    // POLLOUT asks whether it can be written to, a connection that is being made above all.
    void watch_fd(int fd, Event& ready, short events = POLLIN);
    void forget_fd(int fd);

    // The disk as the protocol sees it. `disk` keeps its descriptor for as long as requests need
    // it.
    virtual std::unique_ptr<Disk> attach(const OpenDisk& disk, std::uint32_t block_size) = 0;

    // The socket of a connected descriptor, which is the loop's from now on.
    virtual SocketPtr adopt(int fd) = 0;

    virtual const char* backend() const = 0;
    const Counts& counts() const { return counts_; }

  protected:
    // Submits, waits for answers but not longer than `longest`, and finishes what was answered.
    virtual void turn(Duration longest) = 0;
    virtual void submit() = 0;  // without waiting

    struct Watch {
        int fd = -1;
        Event* ready = nullptr;
        short events = POLLIN;
        std::uint64_t serial = 0;  // no two watches of a loop have the same
        bool asked = false;        // the backend will set the event without being asked again
        bool due() const { return !asked && !ready->is_set(); }
    };
    std::vector<Watch> watches_;
    virtual void forget(const Watch&) {}  // it has been asked, and nobody waits any more

    Counts counts_;

  private:
    void turn_once();
    void read_signals();

    RunQueue queue_;
    TimerQueue timers_;
    std::uint64_t watch_serial_ = 0;
    Event* arrived_ = nullptr;
    Event signal_readable_;
    int signal_fd_ = -1;
    int signal_ = 0;
    std::vector<int> signals_;
    sigset_t mask_before_{};
};

}  // namespace diskpaxos::io
