#include "supervise/descendants.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace diskpaxos {

namespace {

// Every thread has the children that it forked.
std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    std::error_code gone;
    std::filesystem::directory_iterator threads(fmt::format("/proc/{}/task", pid), gone);
    for (const std::filesystem::directory_iterator end; !gone && threads != end;
         threads.increment(gone)) {
        std::ifstream list(threads->path() / "children");
        for (pid_t child = 0; list >> child;) children.push_back(child);
    }
    return children;
}

// 0 if there is no such process any more.
pid_t parent_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')');  // a name may hold anything, brackets as well
    char state = 0;
    pid_t parent = 0;
    if (name_end == std::string::npos ||
        std::sscanf(line.c_str() + name_end + 1, " %c %d", &state, &parent) != 2) {
        return 0;
    }
    return parent;
}

}  // namespace

bool descendants_are_known() {
    return std::ifstream(fmt::format("/proc/self/task/{}/children", getpid())).is_open();
}

bool send_signal(int pidfd, pid_t pid, int signal) {
    if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) return true;
    if (pidfd >= 0 && errno == ESRCH) return false;
    return kill(pid, signal) == 0;
}

void signal_descendants(int signal, pid_t spared) {
    std::vector<pid_t> tree = {getpid()};
    std::set<pid_t> known = {getpid()};
    for (std::size_t i = 0; i < tree.size(); ++i) {
        for (const pid_t child : children_of(tree[i])) {
            if (known.insert(child).second) tree.push_back(child);
        }
    }
    for (const pid_t pid : tree) {
        if (pid == tree.front() || (spared != 0 && getpgid(pid) == spared)) continue;
        // A grandchild may have been reaped by its parent and its number be somebody else's by
        // now: what the descriptor holds is ours only if it still has a parent among us. Without
        // a descriptor (too many open files) the number is looked at last of all.
        const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        if (pidfd < 0 && errno == ESRCH) continue;
        if (known.contains(parent_of(pid))) send_signal(pidfd, pid, signal);
        if (pidfd >= 0) close(pidfd);
    }
}

}  // namespace diskpaxos
