#include "command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.hpp"

namespace diskpaxos {

namespace {

std::vector<char*> as_array(Words& words) {
    std::vector<char*> array;
    for (std::string& word : words) array.push_back(word.data());
    array.push_back(nullptr);
    return array;
}

std::string content_of(int fd) {
    std::string text(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)), '\0');
    CHECK(pread(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
}

}  // namespace

std::string without_leak_search() {
    const char* inherited = std::getenv("ASAN_OPTIONS");
    return fmt::format("ASAN_OPTIONS={}:detect_leaks=0", inherited == nullptr ? "" : inherited);
}

Command::Command(const Words& words, const Words& environment)
    : words_(fmt::format("{}", fmt::join(words, " "))),
      out_(memfd_create("out", MFD_CLOEXEC)),
      err_(memfd_create("err", MFD_CLOEXEC)) {
    CHECK(out_ >= 0 && err_ >= 0);
    Words arguments = {DISKPAXOS_BINARY};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Words variables = environment;  // first: the first of one name counts
    for (const char* name : {"DISKPAXOS_MACHINE_ID=here", "NO_COLOR=1", "HOME=/nonexistent"}) {
        variables.emplace_back(name);
    }
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "DISKPAXOS_LOCKS"}) {
        if (const char* value = std::getenv(name))
            variables.push_back(std::string(name) + "=" + value);
    }

    posix_spawn_file_actions_t files;
    CHECK(posix_spawn_file_actions_init(&files) == 0);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&files, out_, 1);
    posix_spawn_file_actions_adddup2(&files, err_, 2);
    CHECK(posix_spawn(&pid_, DISKPAXOS_BINARY, &files, nullptr, as_array(arguments).data(),
                      as_array(variables).data()) == 0);
    posix_spawn_file_actions_destroy(&files);
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    CHECK(pidfd_ >= 0);
}

Command::~Command() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    close(pidfd_);
    close(out_);
    close(err_);
}

void Command::signal(int number) const {
    syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);  // to it or to nobody
}

bool Command::ends_in_time() const {
    using std::chrono::steady_clock;
    const auto end = steady_clock::now() + longest;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd ended{.fd = pidfd_, .events = POLLIN, .revents = 0};
        const int ready = poll(&ended, 1, static_cast<int>(left.count()));
        CHECK(ready >= 0 || errno == EINTR);
        if (ready > 0) return true;
    }
}

// Where its threads wait, which locks it holds, and what it has said.
std::string Command::where_it_hangs() const {
    std::string report = fmt::format("\"{}\" has not ended after {} s:\n", words_, longest.count());
    const auto add = [&report](const std::filesystem::path& file) {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) report += line + "\n";
    };
    std::error_code gone;
    const std::filesystem::path process = fmt::format("/proc/{}", pid_);
    for (const char* folder : {"task", "fdinfo"}) {
        for (const auto& entry : std::filesystem::directory_iterator(process / folder, gone)) {
            report += fmt::format("{} {}: ", folder, entry.path().filename().string());
            add(*folder == 't' ? entry.path() / "wchan" : entry.path());
            report += "\n";
        }
    }
    return report + content_of(out_) + content_of(err_);
}

Answer Command::wait() {
    if (!ends_in_time()) {
        ADD_FAILURE() << where_it_hangs();
        signal(SIGKILL);
    }
    siginfo_t ended{};
    CHECK(waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED) == 0);
    pid_ = -1;
    const bool exited = ended.si_code == CLD_EXITED;
    return {exited ? ended.si_status : 128 + ended.si_status, content_of(out_), content_of(err_)};
}

Answer run(const Words& words, const Words& environment) {
    return Command(words, environment).wait();
}

Words on(const std::vector<std::string>& disks, Words words) {
    for (const std::string& disk : disks) words.insert(words.end(), {"-d", disk});
    return words;
}

}  // namespace diskpaxos
