// What the director does with disk agents: they are his children, as the processes are.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/check.hpp"
#include "demo/agents.hpp"
#include "demo/director.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

constexpr Duration agent_patience = 20s;  // to start; to be gone, too
constexpr Duration farewell = 3s;         // for agents, before they are killed

}  // namespace

Result<void> Director::start_agents(const std::string& program, const Geometry& geometry) {
    agent_program_ = program;
    geometry_ = geometry;
    for (std::size_t disk = 0; disk < agents_.size(); ++disk) {
        const Store& store = play_.stores()[disk];
        if (!store.active()) continue;
        auto fine = create_store(agent_program_, store, geometry_);
        if (fine) fine = start_agent(disk);
        if (!fine) return fine;
    }
    return {};
}

Result<void> Director::start_agent(std::size_t disk) {
    const Store& store = play_.stores()[disk];
    agents_[disk] = fork_child([&] {
        become_agent(agent_program_, store);
        return false;
    });
    const auto settled = [&] { return agents_[disk] == 0 || answers(store); };
    const bool over = !until(settled, agent_patience);
    if (!over && agents_[disk] != 0) return {};
    return std::unexpected(
        Error{Code::io, fmt::format("the agent of {} does not answer: {}", store.file,
                                    signal() != 0 ? "interrupted" : last_words(store))});
}

// The kernel takes its ring apart after its death, and its socket as late as that.
void Director::kill_agent(std::size_t disk) {
    CHECK(::kill(agents_[disk], SIGKILL) == 0);
    while (waitpid(agents_[disk], nullptr, 0) < 0 && errno == EINTR) {
    }
    agents_[disk] = 0;
    until([&] { return !answers(play_.stores()[disk]); }, agent_patience);
}

Result<void> Director::blank_agent(std::size_t disk) {
    const Store& store = play_.stores()[disk];
    note(Happening::wiped, disk);
    kill_agent(disk);
    unlink(store.file.c_str());
    if (auto fine = create_store(agent_program_, store, geometry_); !fine) return fine;
    return start_agent(disk);
}

void Director::dismiss_agents() {
    for (const pid_t pid : agents_) {
        if (pid != 0) ::kill(pid, SIGTERM);
    }
    const Instant end = now() + farewell;
    for (std::size_t disk = 0; disk < agents_.size(); ++disk) {
        if (!play_.stores()[disk].active()) continue;
        while (agents_[disk] != 0 && waitpid(agents_[disk], nullptr, WNOHANG) == 0) {
            if (now() >= end) ::kill(agents_[disk], SIGKILL);
            (void)play_.receive(1ms);  // a pause: nobody is left to note anything
        }
        unlink(play_.stores()[disk].socket.c_str());
    }
}

}  // namespace diskpaxos::demo
