#include "supervise/command.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/check.hpp"
#include "supervise/descendants.hpp"
#include "supervise/guard.hpp"

namespace diskpaxos {

namespace {

using namespace std::chrono_literals;

// A guard that has not made an end of CMD so long after its time is stopped, or out of its mind.
constexpr Duration guard_patience = 50ms;
constexpr Duration sweep_pause = 2ms;
constexpr int farewell = 1000;  // ms that we wait for the guard's end; what hangs in the kernel, it
                                // goes on waiting for without us

int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // close-on-exec
}

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
    const auto failed = [](const char* what) {
        return std::unexpected(Error{
            Code::io, fmt::format("cannot guard a command: {}: {}", what, std::strerror(errno))});
    };
    if (!descendants_are_known()) return failed("/proc/self/task/*/children");
    std::unique_ptr<Command> command(new Command);
    std::array<int, 2> streams{};
    const int self = open_pidfd(getpid());
    if (self < 0) return failed("pidfd_open");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams.data()) != 0) {
        close(self);
        return failed("socketpair");
    }
    command->stream_ = streams[0];
    const Post post{command->deadline_, streams[1], self, getpid(), getpgrp()};
    const pid_t guard = fork();
    if (guard == 0) stand_guard(post);
    close(self);
    close(streams[1]);
    if (guard < 0) return failed("fork");
    command->guard_ = open_pidfd(guard);  // our child, so its number is its own until we reap it
    CHECK(command->guard_ >= 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return command;
}

Command::~Command() {
    if (loop_ != nullptr && !gone_.is_set()) {
        loop_->forget_fd(stream_);
        loop_->forget_fd(guard_);
    }
    scope_.reset();
    if (stream_ >= 0) close(stream_);  // the guard takes this for our death
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
    if (kind == Order::Kind::signal) {  // a guard that is stopped must not stop us
        send(stream_, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT);
        return;
    }
    const bool sent = send_all(stream_, &order, sizeof order);  // if not, listen() sees it
    if (sent) send_all(stream_, texts.data(), texts.size());
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

// Should the guard be stopped itself, its death does what it failed to do.
Task<void> Command::back_up_guard() {
    while (!gone_.is_set()) {
        const Deadline deadline = deadline_.get();
        const Instant latest = deadline.kill_at == Instant::max()
                                   ? deadline.kill_at
                                   : deadline.kill_at + guard_patience;
        if (loop_->now() >= latest) {
            overruled_ = true;
            syscall(SYS_pidfd_send_signal, guard_, SIGKILL, nullptr, 0);
            co_return;
        }
        co_await gone_.wait_until(*loop_, latest);
    }
}

// The guard is dead. The kernel has killed CMD, and what CMD left are our children now.
Task<void> Command::do_the_guards_work() {
    for (;;) {
        signal_descendants(SIGKILL);
        pid_t pid = 0;
        while ((pid = waitpid(-1, nullptr, WNOHANG)) > 0) continue;
        if (pid < 0 && errno == ECHILD) break;
        co_await loop_->sleep(sweep_pause);
    }
    if (overruled_) {
        outcome_.why = Outcome::Why::deadline;
    } else if (!ended_.is_set()) {
        outcome_.why = Outcome::Why::guard_killed;
        outcome_.sentence = "the guard of the command was killed, and the command with it";
    }
    if (!ended_.is_set()) outcome_.code = 128 + SIGKILL;
    ended_.set();
    gone_.set();
}

}  // namespace diskpaxos
