#include "demo/director.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/check.hpp"
#include "demo/actor.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t arrived = 0;
constexpr int watched[] = {SIGINT, SIGTERM, SIGHUP};

void remember(int number) {
    arrived = number;
}

}  // namespace

int Director::signal() {
    return arrived;
}

Director::Director(Play& play, Recording& recording)
    : play_(play),
      recording_(recording),
      cast_(recording.processes),
      agents_(play.disks().size()),
      open_(recording.processes) {
    struct sigaction action{};
    action.sa_handler = remember;
    for (const int number : watched) CHECK(sigaction(number, &action, nullptr) == 0);
}

Director::~Director() {
    std::vector<pid_t> all = cast_;
    all.push_back(messenger_);
    for (const pid_t pid : all) {
        if (pid != 0) ::kill(pid, SIGKILL);
    }
    for (const pid_t pid : all) {
        while (pid != 0 && waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    dismiss_agents();
    for (const int number : watched) ::signal(number, SIG_DFL);
}

// ---- processes ----

// A child dies with us; a signal from the terminal is ours to answer.
pid_t Director::fork_child(const std::function<bool()>& body) {
    std::fflush(nullptr);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    for (const int number : watched) ::signal(number, SIG_IGN);
    const bool fine = body();
    std::fflush(nullptr);
    _exit(fine ? 0 : 1);
}

void Director::enter(unsigned process) {
    CHECK(cast_[process] == 0);
    open_[process].reset();
    cast_[process] = fork_child([this, process] { return Actor::perform(play_, process); });
}

void Director::kill(unsigned process) {
    CHECK(::kill(cast_[process], SIGKILL) == 0);
    note(Happening::killed, process);
    while (waitpid(cast_[process], nullptr, 0) < 0 && errno == EINTR) {
    }
    cast_[process] = 0;
}

void Director::stop(unsigned process) {
    CHECK(::kill(cast_[process], SIGSTOP) == 0);
    int status = 0;
    while (waitpid(cast_[process], &status, WUNTRACED) < 0 && errno == EINTR) {
    }
    note(Happening::stopped, process);
}

void Director::resume(unsigned process) {
    note(Happening::resumed, process);
    CHECK(::kill(cast_[process], SIGCONT) == 0);
}

std::size_t Director::alive() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(cast_, [](pid_t pid) { return pid != 0; }));
}

// ---- disks ----

Result<void> Director::wipe(std::size_t disk) {
    return play_.stores()[disk].active() ? blank_agent(disk) : write_zeros(disk);
}

// Past the page cache, as the others write: what is in both at a time fails in either.
Result<void> Director::write_zeros(std::size_t disk) {
    const std::string& path = play_.disks()[disk];
    int file = open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    if (file < 0 && errno == EINVAL) file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    struct stat facts{};
    bool fine = file >= 0 && fstat(file, &facts) == 0;
    alignas(4096) static const std::array<char, 1U << 16> zeros{};
    note(Happening::wiped, disk);
    for (off_t at = 0; fine && at < facts.st_size;) {
        const auto left = static_cast<std::size_t>(facts.st_size - at);
        const ssize_t wrote = pwrite(file, zeros.data(), std::min(left, zeros.size()), at);
        fine = wrote > 0;
        at += wrote;
    }
    fine = fine && fdatasync(file) == 0;
    const int error = errno;
    if (file >= 0) close(file);
    if (fine) return {};
    return std::unexpected(Error{Code::io, fmt::format("{}: {}", path, std::strerror(error))});
}

void Director::unplug(std::size_t disk) {
    play_.directions().unplugged[disk] = true;
    note(Happening::unplugged, disk);
}

void Director::plug(std::size_t disk) {
    note(Happening::plugged, disk);
    play_.directions().unplugged[disk] = false;
}

// ---- errands ----

Result<void> Director::errand(const std::function<Result<void>()>& task) {
    std::array<char, 400>& trouble = play_.directions().trouble;
    trouble.fill(0);
    messenger_ = fork_child([&] {
        const Result<void> done = task();
        if (!done) done.error().sentence.copy(trouble.data(), trouble.size() - 1);
        return done.has_value();
    });
    int status = 0;
    for (;;) {
        const pid_t ended = waitpid(messenger_, &status, WNOHANG);
        if (ended == messenger_) break;
        if (signal() != 0) return std::unexpected(Error{Code::no, "interrupted"});
        collect(5ms);
    }
    messenger_ = 0;
    collect(0ms);
    if (status == 0) return {};
    return std::unexpected(Error{Code::io, trouble[0] != 0 ? trouble.data() : "an errand died"});
}

// ---- notes ----

bool Director::until(const std::function<bool()>& done, Duration patience) {
    const Instant end = now() + patience;
    while (signal() == 0) {
        if (done()) return true;
        if (now() >= end) return false;
        collect(std::min(Duration(10ms), end - now()));
        reap();
    }
    return false;
}

void Director::watch(Duration time) {
    until([] { return false; }, time);
}

void Director::collect(Duration patience) {
    for (auto note = play_.receive(std::max(patience, Duration::zero())); note;
         note = play_.receive(0ms)) {
        take(*note);
    }
}

void Director::take(const Note& note) {
    if (note.kind == Note::Kind::event) {
        recording_.events.push_back(note.event);
        return;
    }
    std::optional<std::size_t>& open = open_[note.operation.process];
    if (note.kind == Note::Kind::begun) {
        open = recording_.operations.size();
        recording_.operations.push_back(note.operation);
        return;
    }
    if (!open) return;
    recording_.operations[*open] = note.operation;
    if (note.operation.fate == sim::Operation::Fate::open) {
        recording_.operations[*open].end = ~std::uint64_t{0};
    }
    open.reset();
}

void Director::note(Happening what, std::size_t subject) {
    Event event;
    event.at = now();
    event.what = what;
    event.subject = static_cast<std::uint8_t>(subject);
    if (!to_disk(what)) event.pid = cast_[subject];
    recording_.events.push_back(event);
}

void Director::reap() {
    for (std::size_t process = 0; process < cast_.size(); ++process) {
        int status = 0;
        if (cast_[process] == 0 || waitpid(cast_[process], &status, WNOHANG) <= 0) continue;
        if (status != 0) {
            accidents_.push_back(fmt::format("process {} (pid {}) ended with status {:#x}",
                                             process + 1, cast_[process], status));
        }
        cast_[process] = 0;
    }
    for (std::size_t disk = 0; disk < agents_.size(); ++disk) {
        int status = 0;
        if (agents_[disk] == 0 || waitpid(agents_[disk], &status, WNOHANG) <= 0) continue;
        accidents_.push_back(fmt::format("the agent of disk {} (pid {}) ended with status {:#x}",
                                         recording_.disks[disk], agents_[disk], status));
        agents_[disk] = 0;
    }
}

}  // namespace diskpaxos::demo
