#include "owner.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/check.hpp"

namespace diskpaxos {

Scratch::Scratch() {
    std::string name = std::filesystem::temp_directory_path() / "diskpaxos-supervise-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::wait_for(const std::string& name) const {
    for (int i = 0; i < 5000; ++i) {
        std::string line;
        std::ifstream in(file(name));
        if (std::getline(in, line) && !in.eof()) return line;
        std::this_thread::sleep_for(2ms);
    }
    ADD_FAILURE() << name << " was not written";
    return "0";
}

Words script(const Scratch& scratch, const std::string& text) {
    return {"sh", "-c", "D=" + scratch.file("") + "; export D\n" + text};
}

Seen::Seen(pid_t pid) : pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
    EXPECT_GE(pidfd_, 0) << "process " << pid << " is not there";
}

Seen::~Seen() {
    if (pidfd_ >= 0) close(pidfd_);
}

bool Seen::ends_within(Duration patience) const {
    pollfd end{pidfd_, POLLIN, 0};
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
    return poll(&end, 1, static_cast<int>(whole.count())) == 1;
}

Owner::Owner(io::Backend backend)
    : command(std::move(*Command::make())), loop(std::move(io::make_loop(backend)->loop)) {}

namespace {

Task<void> count_down(io::Loop& loop, Duration duration, Event& over) {
    co_await loop.sleep(duration);
    over.set();
}

}  // namespace

void Owner::drive_for(Duration duration) {
    Event over;
    Scope scope(loop->queue());
    scope.spawn(count_down(*loop, duration, over));
    loop->run_until(over);
}

void Owner::drive_until(Event& event) {
    Event over;
    Scope scope(loop->queue());
    scope.spawn(count_down(*loop, 10s, over));
    loop->run_until([&] { return over.is_set() || event.is_set(); });
    EXPECT_TRUE(event.is_set()) << "waited in vain";
}

Outcome Owner::finish() {
    drive_until(command->gone());
    return command->outcome();
}

void report_reaction(const char* what, Duration took) {
    fmt::print("[ reaction ] {}: {:.2f} ms\n", what, static_cast<double>(took.count()) / 1e6);
}

}  // namespace diskpaxos
