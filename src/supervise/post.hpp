// What `run` and its guard share: the deadline and the guard's sign of life, on a page of memory
// that both have mapped, and a stream of orders and reports. The page, because prolonging is the
// common case: it costs no system call, and neither need be awake to receive it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "async/timer.hpp"

namespace diskpaxos {

// Of CMD and all it started: SIGTERM at the one, SIGKILL at the other.
struct Deadline {
    Instant terminate_at;
    Instant kill_at;
};

class SharedDeadline {
  public:
    SharedDeadline();
    SharedDeadline(const SharedDeadline&) = delete;
    SharedDeadline& operator=(const SharedDeadline&) = delete;
    ~SharedDeadline();

    void set(Deadline deadline);
    Deadline get() const;

    // The guard's sign of life: it is awake again by then. One that lets this pass is stopped.
    void promise(Instant awake_by);
    Instant promised() const;

  private:
    struct Page {
        std::atomic<std::int64_t> terminate_at;
        std::atomic<std::int64_t> kill_at;
        std::atomic<std::int64_t> awake_by;
    };
    static_assert(std::atomic<std::int64_t>::is_always_lock_free);
    Page* page_;
};

struct Order {
    enum class Kind : std::uint32_t {
        start,   // number: how many of the texts that follow are CMD's words; the rest, variables
        signal,  // number
        look,    // the deadline was moved to an earlier time
        drop,    // `run` lives, and wants neither CMD nor the guard any more
        will,    // number: how many texts follow: what to do when `run` has died, and CMD with it
    };
    Kind kind{};
    std::int32_t number = 0;
    std::uint32_t bytes = 0;  // that follow: texts, each ended by a zero byte
};

struct Report {
    enum class Kind : std::uint32_t {
        started,  // number: its process id
        refused,  // number: the errno of execve
        ended,    // number: the wait status of CMD's own process
        resumed,  // it was stopped from the terminal, and goes on
        gone,     // nothing that CMD started runs any more
    };
    Kind kind{};
    std::int32_t number = 0;
    std::int32_t struck = 0;  // 1: the deadline had come
};

// Texts, each ended by a zero byte, as execve wants them: but without the null pointer at the end.
std::vector<char*> split(std::string& texts);

// The longest time between two signs of life of a guard whose CMD runs.
inline constexpr Duration sign_interval = std::chrono::seconds(2);

// Sent to the guard when the thread of `run` that forked it dies: a process whose last thread hangs
// in the kernel (on a hung disk, say) is not dead to its pidfd.
inline constexpr int owner_died = SIGUSR1;

// A guard's place: what it is born with. Whatever the kernel may refuse was asked for before.
struct Post {
    SharedDeadline& deadline;
    int stream;       // to `run`
    int owner_pidfd;  // of `run`
    int signals;      // a signalfd: it hears those of the process that reads it
    int timer;        // a timerfd of CLOCK_BOOTTIME
    pid_t owner;
    pid_t owner_group;
};

// False if the other end has gone.
bool send_all(int stream, const void* data, std::size_t size);
bool receive_all(int stream, void* data, std::size_t size);

}  // namespace diskpaxos
