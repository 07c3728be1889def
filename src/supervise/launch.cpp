#include "supervise/launch.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "io/loop.hpp"
#include "supervise/post.hpp"

namespace diskpaxos {

namespace {

constexpr int no_parent = 1;  // exit code that nobody is there to see
constexpr int too_late = 1;   // reported as struck by the deadline

// Dispositions of signals stay as `run` was given them: under nohup SIGHUP stays ignored.
[[noreturn]] void become(std::string texts, std::size_t words, const sigset_t& mask, pid_t guard,
                         Terminal& terminal, const SharedDeadline& deadline, int news) {
    setpgid(0, 0);
    terminal.lend(getpid());
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard) _exit(no_parent);  // it died before it could have killed us

    std::vector<char*> arguments = split(texts);
    for (std::size_t i = words; i < arguments.size(); ++i) putenv(arguments[i]);
    arguments.resize(words);
    arguments.push_back(nullptr);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    if (io::boot_time() >= deadline.get().terminate_at) _exit(too_late);
    execvp(arguments[0], arguments.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t written = write(news, &error, sizeof error);
    _exit(error == ENOENT ? 127 : 126);
}

}  // namespace

Launched launch(const std::string& texts, std::size_t words, const sigset_t& mask,
                Terminal& terminal, const SharedDeadline& deadline) {
    std::array<int, 2> news{};
    if (pipe2(news.data(), O_CLOEXEC | O_NONBLOCK) != 0) return {.error = errno};
    const pid_t guard = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(texts, words, mask, guard, terminal, deadline, news[1]);
    const int error = errno;
    close(news[1]);
    if (pid < 0) {
        close(news[0]);
        return {.error = error};
    }
    setpgid(pid, pid);  // both do: whoever comes first, neither must find the other not ready
    terminal.lend(pid);
    return {.pid = pid, .news = news[0]};
}

}  // namespace diskpaxos
