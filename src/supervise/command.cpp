#include "supervise/command.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "supervise/descendants.hpp"
#include "supervise/guard.hpp"

namespace diskpaxos {

namespace {

using namespace std::chrono_literals;

// A guard that has not made an end of CMD so long after its time is stopped, or out of its mind.
constexpr Duration guard_patience = 50ms;
constexpr Duration sweep_pause = 2ms;

// A guard that has let its sign of life be overdue so long is told to go on; after so many looks,
// a second apart, it is ended. Looks are counted, not time: where we stood still ourselves, as in a
// frozen container, one look is late, and nothing more.
constexpr Duration sign_grace = 2s;
constexpr Duration between_looks = 1s;
constexpr int most_looks = 10;

// A guard that reads nothing does not hold us up for longer; what it was told is then cut short.
constexpr timeval order_patience = {.tv_sec = 5, .tv_usec = 0};
constexpr int farewell = 1000;  // ms that we wait for the guard's end; what hangs in the kernel, it
                                // goes on waiting for without us

int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // close-on-exec
}

int open_signals() {
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGCHLD);
    sigaddset(&heard, owner_died);
    return signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
}

int open_timer() {
    const int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    const itimerspec never{};
    if (timer < 0 || timerfd_settime(timer, 0, &never, nullptr) == 0) return timer;
    const int error = errno;
    close(timer);
    errno = error;
    return -1;
}

Error unguarded(const char* what) {
    std::string cause = std::strerror(errno);
    if (errno == EMFILE) cause = "too many open files; raise ulimit -n";
    if (errno == EPERM || errno == ENOSYS) {
        cause += "; most likely the seccomp profile of a container forbids it";
    }
    return {Code::io, fmt::format("cannot guard a command: {}: {}", what, cause)};
}

// The descriptors with which a guard is born. What was not handed on is closed.
struct Birth {
    Birth() = default;
    Birth(const Birth&) = delete;
    Birth& operator=(const Birth&) = delete;
    ~Birth() {
        for (const int fd : {owner, ours, its, signals, timer}) {
            if (fd >= 0) close(fd);
        }
    }
    int owner = -1;  // pidfd
    int ours = -1;
    int its = -1;
    int signals = -1;
    int timer = -1;

    // Null, or what the kernel refused; errno says why.
    const char* open() {
        std::array<int, 2> streams{};
        if ((owner = open_pidfd(getpid())) < 0) return "pidfd_open";
        if (!send_signal(owner, getpid(), 0)) return "pidfd_send_signal and kill";
        if ((signals = open_signals()) < 0) return "signalfd";
        if ((timer = open_timer()) < 0) return "timerfd";
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams.data()) != 0) {
            return "socketpair";
        }
        ours = streams[0];
        its = streams[1];
        const int set = setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &order_patience,
                                   sizeof order_patience);
        return set == 0 ? nullptr : "setsockopt";
    }
};

Outcome outcome_of(int status, bool struck) {
    const bool killed = WIFSIGNALED(status);
    Outcome outcome;
    outcome.why = struck   ? Outcome::Why::deadline
                  : killed ? Outcome::Why::signalled
                           : Outcome::Why::exited;
    outcome.code = killed ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return outcome;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) all.append(text.c_str(), text.size() + 1);
    return all;
}

// The codes are those of env(1) and of every shell.
Outcome refusal(const std::string& name, int error) {
    const bool missing = error == ENOENT;
    const bool searched = name.find('/') == std::string::npos;
    return {.why = missing ? Outcome::Why::not_found : Outcome::Why::not_executable,
            .code = missing ? 127 : 126,
            .sentence = missing && searched
                            ? fmt::format("there is no command \"{}\" in PATH", name)
                            : fmt::format("cannot run \"{}\": {}", name, std::strerror(error))};
}

}  // namespace

Result<std::unique_ptr<Command>> Command::make() {
    if (!descendants_are_known()) return std::unexpected(unguarded("/proc/self/task/*/children"));
    std::unique_ptr<Command> command(new Command);
    Birth birth;
    if (const char* refused = birth.open()) return std::unexpected(unguarded(refused));
    const Post post{command->deadline_, birth.its, birth.owner, birth.signals, birth.timer,
                    getpid(), getpgrp()};
    const pid_t guard = fork();
    if (guard == 0) stand_guard(post);
    if (guard < 0) return std::unexpected(unguarded("fork"));
    command->guard_pid_ = guard;
    command->guard_ = open_pidfd(guard);  // our child, so its number is its own until we reap it
    if (command->guard_ < 0) {
        Error error = unguarded("pidfd_open");
        kill(guard, SIGKILL);
        waitpid(guard, nullptr, 0);
        return std::unexpected(std::move(error));
    }
    command->stream_ = std::exchange(birth.ours, -1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return command;
}

Command::~Command() {
    if (loop_ != nullptr && !gone_.is_set()) {
        loop_->forget_fd(stream_);
        loop_->forget_fd(guard_);
    }
    scope_.reset();
    if (stream_ >= 0) {
        order(Order::Kind::drop, 0);
        close(stream_);
    }
    if (guard_ >= 0) {
        pollfd end{guard_, POLLIN, 0};
        if (!guard_reaped_ && poll(&end, 1, farewell) == 1) guard_is_dead();
        close(guard_);
    }
    if (loop_ != nullptr) std::signal(SIGTTOU, before_);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

void Command::start(io::Loop& loop, const std::vector<std::string>& words,
                    const std::vector<std::string>& variables, Deadline deadline) {
    CHECK(loop_ == nullptr && !words.empty());
    const std::string texts = joined(words) + joined(variables);
    name_ = words.front();
    deadline_.set(deadline);
    deadline_.promise(loop.now() + sign_interval);
    // With CMD in the foreground we are in the background: a word of ours to the terminal must not
    // stop us.
    before_ = std::signal(SIGTTOU, SIG_IGN);

    order(Order::Kind::start, static_cast<int>(words.size()), texts);

    loop_ = &loop;
    scope_ = std::make_unique<Scope>(loop.queue());
    loop.watch_fd(stream_, news_);
    loop.watch_fd(guard_, news_);
    scope_->spawn(listen());
    scope_->spawn(back_up_guard());
}

void Command::bequeath(const std::vector<std::string>& words) {
    order(Order::Kind::will, static_cast<int>(words.size()), joined(words));
}

void Command::extend(Deadline deadline) {
    const Deadline before = deadline_.get();
    deadline_.set(deadline);
    if (deadline.terminate_at < before.terminate_at || deadline.kill_at < before.kill_at) {
        order(Order::Kind::look, 0);
    }
}

void Command::signal(int number) {
    order(Order::Kind::signal, number);
}

void Command::order(Order::Kind kind, int number, const std::string& texts) {
    const Order order{kind, number, static_cast<std::uint32_t>(texts.size())};
    // A guard that is stopped must not stop us.
    if (kind == Order::Kind::signal || kind == Order::Kind::drop) {
        send(stream_, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    const bool sent = send_all(stream_, &order, sizeof order) &&
                      send_all(stream_, texts.data(), texts.size());
    cut_short_ = cut_short_ || (!sent && errno == EAGAIN);  // if it is dead, listen() sees it
}

Task<void> Command::listen() {
    while (!gone_.is_set()) {
        co_await news_.wait();
        news_.reset();
        const bool dead = guard_is_dead();  // asked first: its last words came before
        take_reports();
        if (dead && !gone_.is_set()) co_await do_the_guards_work();
    }
    loop_->forget_fd(stream_);
    loop_->forget_fd(guard_);
}

bool Command::guard_is_dead() {
    siginfo_t end{};
    const int result = waitid(P_PIDFD, static_cast<id_t>(guard_), &end, WEXITED | WNOHANG);
    guard_reaped_ = guard_reaped_ || (result == 0 && end.si_pid != 0);
    return guard_reaped_;
}

void Command::take_reports() {
    Report report;
    while (recv(stream_, &report, sizeof report, MSG_DONTWAIT) ==
           static_cast<ssize_t>(sizeof report)) {
        take(report);
    }
}

void Command::take(const Report& report) {
    const bool struck = report.struck != 0;
    switch (report.kind) {
        case Report::Kind::started:
            pid_ = report.number;
            return;
        case Report::Kind::resumed:
            resumed_.set();
            return;
        case Report::Kind::refused:
            outcome_ = refusal(name_, report.number);
            ended_.set();
            return;
        case Report::Kind::ended:
            outcome_ = outcome_of(report.number, struck);
            ended_.set();
            return;
        case Report::Kind::gone:
            if (struck) outcome_.why = Outcome::Why::deadline;
            gone_.set();
            return;
    }
}

// Should the guard be stopped itself, its death does what it failed to do: at the deadline, or when
// it has shown no sign of life for long. While it is stopped, CMD has nobody to end it if we die.
Task<void> Command::back_up_guard() {
    int looks = 0;  // that found the sign overdue
    while (!gone_.is_set() && !guard_reaped_) {
        const Instant kill_at = deadline_.get().kill_at;
        const Instant latest = kill_at == Instant::max() ? kill_at : kill_at + guard_patience;
        const Instant overdue = deadline_.promised() + sign_grace;
        const Instant now = loop_->now();
        if (now >= latest || cut_short_ || looks > most_looks) {
            overruled_ = now >= latest ? Overruled::late : Overruled::silent;
            co_await end_guard();
            co_return;
        }
        looks = now >= overdue ? looks + 1 : 0;
        if (looks == 1) {
            silent_.set();
            send_signal(guard_, guard_pid_, SIGCONT);
        }
        co_await gone_.wait_until(*loop_, std::min(latest, looks > 0 ? now + between_looks : overdue));
    }
}

// One that hangs in the kernel does not die of it, and then CMD does not either: so all of them are
// killed. Until the guard is gone CMD's end cannot be known.
Task<void> Command::end_guard() {
    for (Duration pause = sweep_pause; !gone_.is_set() && !guard_reaped_;
         pause = std::min(2 * pause, Duration(between_looks))) {
        send_signal(guard_, guard_pid_, SIGKILL);
        signal_descendants(SIGKILL);
        co_await gone_.wait_until(*loop_, loop_->now() + pause);
    }
}

// The guard is dead. The kernel has killed CMD, and what CMD left are our children now.
Task<void> Command::do_the_guards_work() {
    std::optional<int> last;  // the wait status of CMD's own process
    for (;;) {
        signal_descendants(SIGKILL);
        pid_t pid = 0;
        int status = 0;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            if (pid == pid_) last = status;
        }
        if (pid < 0 && errno == ECHILD) break;
        co_await loop_->sleep(sweep_pause);
    }
    if (!ended_.is_set()) outcome_ = end_without_guard(last);
    if (overruled_ == Overruled::late) outcome_.why = Outcome::Why::deadline;
    ended_.set();
    gone_.set();
}

// CMD may have ended by itself, and its guard been unable to tell.
Outcome Command::end_without_guard(std::optional<int> status) const {
    const bool by_itself = status && !(WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL);
    if (by_itself) return outcome_of(*status, false);
    Outcome outcome{.why = Outcome::Why::guard_killed, .code = 128 + SIGKILL, .sentence = {}};
    if (overruled_ == Overruled::no) {
        outcome.sentence = "the guard of the command was killed, and the command with it";
    } else if (overruled_ == Overruled::silent) {
        outcome.sentence = "the guard of the command did not answer; it was killed, and the "
                           "command with it";
    }
    return outcome;
}

}  // namespace diskpaxos
