#include "command.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

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

Command::Command(const Words& words, const Words& environment)
    : out_(memfd_create("out", MFD_CLOEXEC)), err_(memfd_create("err", MFD_CLOEXEC)) {
    CHECK(out_ >= 0 && err_ >= 0);
    Words arguments = {DISKPAXOS_BINARY};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Words variables = {"DISKPAXOS_MACHINE_ID=here", "NO_COLOR=1", "HOME=/nonexistent"};
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name))
            variables.push_back(std::string(name) + "=" + value);
    }
    variables.insert(variables.end(), environment.begin(), environment.end());

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

Answer Command::wait() {
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
