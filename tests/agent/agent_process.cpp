#include "agent/agent_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "base/check.hpp"

namespace diskpaxos::agent {

namespace {

constexpr int patience = 10'000;  // ms

struct Started {
    pid_t pid;
    int output;
};

Started start(const std::vector<std::string>& words) {
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        std::vector<char*> arguments;
        std::string program = DISKPAXOS_AGENT;
        arguments.push_back(program.data());
        std::vector<std::string> copies = words;
        for (std::string& word : copies) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        execv(program.c_str(), arguments.data());
        _exit(127);
    }
    close(ends[1]);
    return {pid, ends[0]};
}

int code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Folder::Folder() {
    std::string name = std::filesystem::temp_directory_path() / "diskpaxos-agent-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Folder::~Folder() {
    std::filesystem::remove_all(path_);
}

Finished run_agent(const std::vector<std::string>& words) {
    const Started started = start(words);
    Finished run;
    char piece[4096];
    for (ssize_t got = 0; (got = read(started.output, piece, sizeof piece)) > 0;) {
        run.output.append(piece, static_cast<std::size_t>(got));
    }
    close(started.output);
    int status = 0;
    CHECK(waitpid(started.pid, &status, 0) == started.pid);
    run.code = code_of(status);
    return run;
}

AgentProcess::AgentProcess(const std::vector<std::string>& words, std::size_t places) {
    std::vector<std::string> all = {"serve"};
    all.insert(all.end(), words.begin(), words.end());
    const Started started = start(all);
    pid_ = started.pid;
    output_ = started.output;
    while (place(places - 1).empty() && read_more(patience)) {
    }
    started_ = !place(places - 1).empty();
}

AgentProcess::~AgentProcess() {
    if (pid_ > 0) {
        signal(SIGKILL);
        wait();
    }
    close(output_);
}

bool AgentProcess::read_more(int milliseconds) {
    pollfd ready{output_, POLLIN, 0};
    if (poll(&ready, 1, milliseconds) <= 0) return false;
    char piece[4096];
    const ssize_t got = read(output_, piece, sizeof piece);
    if (got <= 0) return false;
    log_.append(piece, static_cast<std::size_t>(got));
    return true;
}

std::string AgentProcess::place(std::size_t number) const {
    const std::string words = "listening at ";
    std::size_t at = 0;
    for (std::size_t i = 0; i <= number; ++i) {
        at = log_.find(words, at);
        if (at == std::string::npos) return {};
        at += words.size();
    }
    const std::size_t end = log_.find('\n', at);
    return end == std::string::npos ? "" : log_.substr(at, end - at);
}

void AgentProcess::signal(int number) {
    CHECK(kill(pid_, number) == 0);
}

int AgentProcess::wait() {
    while (read_more(patience)) {
    }
    int status = 0;
    CHECK(waitpid(pid_, &status, 0) == pid_);
    pid_ = -1;
    return code_of(status);
}

bool AgentProcess::says(const std::string& text) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + std::chrono::seconds(2);
    while (!log_.contains(text) && Clock::now() < deadline) read_more(50);
    return log_.contains(text);
}

}  // namespace diskpaxos::agent
