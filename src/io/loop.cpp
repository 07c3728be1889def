#include "io/loop.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "base/check.hpp"

namespace diskpaxos::io {

namespace {

// The kernel counts a wait in time that stands still while the machine is suspended. Waking up
// this often bounds how late a timer can be after a suspend.
constexpr Duration longest_wait = std::chrono::seconds(1);

// How the kernel answers a write of ours, or counts our own time: nobody has sent it.
bool is_about_ourselves(const signalfd_siginfo& info) {
    const auto self = static_cast<std::uint32_t>(getpid());
    switch (static_cast<int>(info.ssi_signo)) {
        case SIGPIPE:
        case SIGXFSZ:
        case SIGXCPU:
            return info.ssi_code > 0 || info.ssi_pid == self;
        default:
            return false;
    }
}

}  // namespace

Loop::~Loop() {
    if (signal_fd_ < 0) return;
    close(signal_fd_);
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

Instant boot_time() {
    timespec time{};
    CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Instant Loop::now() const {
    return boot_time();
}

void Loop::turn_once() {
    Duration longest = longest_wait;
    if (!timers_.empty()) {
        longest = std::clamp(timers_.first_due() - now(), Duration::zero(), longest_wait);
    }
    turn(longest);
    if (signal_readable_.is_set()) read_signals();
    if (!timers_.empty()) timers_.fire_until(now());
}

void Loop::watch_signals(const std::vector<int>& signals, Event& arrived) {
    CHECK(signal_fd_ < 0);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &mask_before_) == 0);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
    arrived_ = &arrived;
    watch_fd(signal_fd_, signal_readable_);
}

void Loop::read_signals() {
    signal_readable_.reset();
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (is_about_ourselves(info)) continue;
        signal_ = static_cast<int>(info.ssi_signo);
        signals_.push_back(signal_);
        arrived_->set();
    }
}

void Loop::watch_fd(int fd, Event& ready, short events) {
    watches_.push_back({.fd = fd, .ready = &ready, .events = events, .serial = ++watch_serial_});
}

void Loop::forget_fd(int fd) {
    const auto watch = std::ranges::find(watches_, fd, &Watch::fd);
    CHECK(watch != watches_.end());
    const Watch forgotten = *watch;
    watches_.erase(watch);
    if (forgotten.asked) forget(forgotten);
}

}  // namespace diskpaxos::io
