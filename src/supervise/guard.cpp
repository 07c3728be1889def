#include "supervise/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "io/loop.hpp"
#include "supervise/descendants.hpp"
#include "supervise/launch.hpp"
#include "supervise/realtime.hpp"
#include "supervise/terminal.hpp"

namespace diskpaxos {

namespace {

constexpr int first_pause = 2;       // ms between two sweeps of what was killed and is not gone
constexpr int longest_pause = 100;   // ms
constexpr int terminal_pause = 200;  // ms between two looks for a terminal that CMD waits for

class Guard {
  public:
    explicit Guard(const Post& post);
    void stand();
    void execute_will();  // returns if there is none, or nobody died

  private:
    void take_place();
    void wait_for_news();
    void take_signals();
    void take_order();
    void start(const Order& order);
    void hear_of_launch();
    void reap();
    void ended(int status);
    void stopped(int signal);
    void resume();
    void pass(int signal);
    void obey_deadline();
    void sleep_until(Instant next);
    void kill_everything();
    void report(Report::Kind kind, int number = 0);

    const Post& post_;
    Terminal terminal_;
    sigset_t mask_before_{};  // as `run` was started with; CMD gets it back
    int launch_ = -1;     // see launch.hpp
    pid_t command_ = 0;   // CMD's own process, which leads its group; 0: not started yet
    bool leads_ = false;  // not reaped yet, so its number cannot mean another group
    int refusal_ = 0;
    std::string will_;
    bool alone_ = true;     // no child is left
    bool on_watch_ = true;  // `run` lives and wants us
    bool dropped_ = false;  // it lives, and nothing is left to be done for it
    bool terminated_ = false;
    bool killing_ = false;
    bool struck_ = false;  // by the deadline
    bool wants_terminal_ = false;
    bool told_resumed_ = false;
    int pause_ = first_pause;
};

Guard::Guard(const Post& post) : post_(post), terminal_(post.owner_group) {
    take_place();
}

// A group of its own, so that neither the terminal's signals nor those to the group of `run` reach
// it; the session stays, or CMD would lose its terminal.
void Guard::take_place() {
    setpgid(0, 0);
    prctl(PR_SET_NAME, "guard-of-run");  // `pkill diskpaxos` must not end it along with `run`
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t all;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, &mask_before_) == 0);
    std::signal(SIGCHLD, SIG_DFL);  // ignored, it would reap our children behind our back
    prctl(PR_SET_PDEATHSIG, owner_died);
    if (getppid() != post_.owner) on_watch_ = false;
}

void Guard::stand() {
    while (on_watch_ || !alone_) {
        wait_for_news();
        reap();
        if (dropped_) killing_ = true;
        if (command_ != 0) obey_deadline();
        if (killing_) kill_everything();
        if (command_ != 0 && alone_) break;
    }
    report(Report::Kind::gone);
}

void Guard::wait_for_news() {
    const int timeout = killing_ ? pause_ : wants_terminal_ ? terminal_pause : -1;
    const int stream = on_watch_ ? post_.stream : -1;  // what is over would wake us for ever
    const int owner = on_watch_ ? post_.owner_pidfd : -1;
    std::array<pollfd, 5> fds = {pollfd{stream, POLLIN, 0}, pollfd{owner, POLLIN, 0},
                                 pollfd{post_.signals, POLLIN, 0},
                                 pollfd{post_.timer, POLLIN, 0}, pollfd{launch_, POLLIN, 0}};
    poll(fds.data(), fds.size(), timeout);
    if (killing_) pause_ = std::min(2 * pause_, longest_pause);
    if (fds[1].revents != 0) on_watch_ = false;
    if (fds[2].revents != 0) take_signals();
    if (fds[4].revents != 0) hear_of_launch();
    if (on_watch_ && fds[0].revents != 0) take_order();
    if (wants_terminal_ && terminal_.lend(command_)) resume();
}

void Guard::take_signals() {
    signalfd_siginfo info{};
    while (read(post_.signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const bool from_owner = static_cast<pid_t>(info.ssi_pid) == post_.owner;
        if (static_cast<int>(info.ssi_signo) == owner_died && from_owner) on_watch_ = false;
    }
}

void Guard::take_order() {
    Order order;
    if (!receive_all(post_.stream, &order, sizeof order)) {
        on_watch_ = false;
        return;
    }
    switch (order.kind) {
        case Order::Kind::start:
            return start(order);
        case Order::Kind::signal:
            return pass(order.number);
        case Order::Kind::look:
            return;  // obey_deadline() does, every time
        case Order::Kind::drop:
            dropped_ = true;
            return;
        case Order::Kind::will:
            will_.resize(order.bytes);
            if (!receive_all(post_.stream, will_.data(), will_.size())) on_watch_ = false;
            return;
    }
}

void Guard::start(const Order& order) {
    std::string texts(order.bytes, '\0');
    if (!receive_all(post_.stream, texts.data(), texts.size())) {
        on_watch_ = false;
        return;
    }
    // The order may have lain here, or we may have been stopped: what is not begun need not be ended.
    if (io::boot_time() >= post_.deadline.get().terminate_at) {
        struck_ = true;
        report(Report::Kind::ended, SIGKILL);  // a wait status: as if it had been killed
        on_watch_ = false;
        dropped_ = true;
        return;
    }
    const Launched launched = launch(texts, static_cast<std::size_t>(order.number), mask_before_,
                                     terminal_, post_.deadline);
    if (launched.pid < 0) {
        report(Report::Kind::refused, launched.error);
        on_watch_ = false;
        dropped_ = true;
        return;
    }
    command_ = launched.pid;
    launch_ = launched.news;
    leads_ = true;
    alone_ = false;
}

void Guard::hear_of_launch() {
    if (read(launch_, &refusal_, sizeof refusal_) == 0) report(Report::Kind::started, command_);
    close(launch_);
    launch_ = -1;
    // CMD has gone its way and gets neither. Where it is not permitted, `doctor` says so.
    static const Realtime realtime;
}

void Guard::reap() {
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED);
        if (pid <= 0) {
            alone_ = pid < 0 && errno == ECHILD;
            return;
        }
        if (pid != command_) continue;
        WIFSTOPPED(status) ? stopped(WSTOPSIG(status)) : ended(status);
    }
}

// What it started may live on. The terminal is the owner's again, as after any foreground job.
void Guard::ended(int status) {
    leads_ = false;
    wants_terminal_ = false;
    terminal_.take_back();
    if (launch_ >= 0) hear_of_launch();
    if (refusal_ != 0) {
        report(Report::Kind::refused, refusal_);
    } else {
        report(Report::Kind::ended, status);
    }
}

// Ctrl-Z would suspend CMD with the lock in its hand, and a shell could not even tell: it waits for
// `run`, which must not stop. So it goes on. In the background it waits for its turn.
void Guard::stopped(int signal) {
    if (signal == SIGTSTP && terminal_.lent()) {
        resume();
        if (!told_resumed_) report(Report::Kind::resumed);
        told_resumed_ = true;
    } else if (signal == SIGTTIN || signal == SIGTTOU) {
        wants_terminal_ = true;
    }
}

void Guard::resume() {
    wants_terminal_ = false;
    kill(-command_, SIGCONT);
}

// To CMD's group, as a terminal would; once CMD itself has ended, to whatever is left of it.
void Guard::pass(int signal) {
    if (command_ == 0) return;
    if (!leads_) return signal_descendants(signal);
    kill(-command_, signal);
    if (signal == SIGTERM || signal == SIGHUP) kill(-command_, SIGCONT);  // if stopped, it may hear
}

void Guard::obey_deadline() {
    std::array<std::byte, 8> expirations;
    while (read(post_.timer, expirations.data(), expirations.size()) > 0) continue;
    const Deadline deadline = post_.deadline.get();
    const Instant now = io::boot_time();
    const bool orphaned = !on_watch_ && !dropped_;
    if (!terminated_ && (now >= deadline.terminate_at || orphaned)) {
        terminated_ = struck_ = true;
        if (leads_) pass(SIGTERM);
        signal_descendants(SIGTERM, leads_ ? command_ : 0);
    }
    if (!killing_ && now >= deadline.kill_at) killing_ = struck_ = true;

    Instant next = deadline.kill_at;
    if (!terminated_) next = std::min(next, deadline.terminate_at);
    post_.deadline.promise(now + sign_interval);
    sleep_until(std::min(next, now + sign_interval));
}

// Not while killing: then poll() wakes us often.
void Guard::sleep_until(Instant next) {
    const auto at = std::max(next.time_since_epoch(), Duration(1));  // zero would disarm it
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at);
    itimerspec time{};
    if (!killing_) time.it_value = {.tv_sec = seconds.count(), .tv_nsec = (at - seconds).count()};
    CHECK(timerfd_settime(post_.timer, TFD_TIMER_ABSTIME, &time, nullptr) == 0);
}

// The group first: that is one system call, and nobody in it can fork his way out.
void Guard::kill_everything() {
    if (leads_) kill(-command_, SIGKILL);
    signal_descendants(SIGKILL);
}

// `run` has died, and nothing of CMD runs any more: what is left of both is on the disks.
void Guard::execute_will() {
    if (will_.empty() || on_watch_ || dropped_) return;
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, fd);
    std::vector<char*> words = split(will_);
    words.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    execv("/proc/self/exe", words.data());
}

// Never waits: `run` may be stopped.
void Guard::report(Report::Kind kind, int number) {
    const Report report{.kind = kind, .number = number, .struck = struck_ ? 1 : 0};
    send(post_.stream, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Where /proc cannot be read: all that there may be.
std::vector<int> open_descriptors() {
    std::vector<int> open;
    std::error_code error;
    std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
    for (; !error && entry != end; entry.increment(error)) {
        open.push_back(std::stoi(entry->path().filename()));
    }
    const long most = error ? std::clamp(sysconf(_SC_OPEN_MAX), 256L, 65'536L) : 0;
    for (int fd = 3; fd < most; ++fd) open.push_back(fd);
    return open;
}

// What `run` would not hand on over an execve, it does not hand to us: a disk that we held open
// would keep its slot locked.
void close_what_is_not_ours(const Post& post) {
    for (const int fd : open_descriptors()) {
        const int flags = fcntl(fd, F_GETFD);
        const bool ours = fd == post.stream || fd == post.owner_pidfd || fd == post.signals ||
                          fd == post.timer;
        if (flags >= 0 && (flags & FD_CLOEXEC) != 0 && !ours) close(fd);
    }
}

}  // namespace

void stand_guard(const Post& post) {
    close_what_is_not_ours(post);
    Guard guard(post);
    guard.stand();
    guard.execute_will();
    _exit(0);
}

}  // namespace diskpaxos
