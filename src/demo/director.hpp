// Director: starts the processes of a show, does to them and to the disks what the story asks for,
// and collects everybody's notes. It kills nobody but its own children, and leaves none behind.
// It has no event loop, so that it can fork at any time.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "demo/play.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::demo {

class Director {
  public:
    // SIGINT, SIGTERM and SIGHUP end the waiting from now on; signal() says which came.
    Director(Play& play, Recording& recording);
    Director(const Director&) = delete;
    Director& operator=(const Director&) = delete;
    ~Director();

    static int signal();  // 0: none

    // ---- processes ----
    void enter(unsigned process);
    void kill(unsigned process);    // -9
    void stop(unsigned process);    // SIGSTOP; back when it does not run any more
    void resume(unsigned process);  // SIGCONT
    std::size_t alive() const;

    // ---- disks ----
    // Makes the stores that agents keep, and starts these.
    Result<void> start_agents(const std::string& program, const Geometry& geometry);
    // Zeros; or the agent is killed, and finds a blank store when it is back.
    Result<void> wipe(std::size_t disk);
    void unplug(std::size_t disk);
    void plug(std::size_t disk);

    // Runs `task` in a process of its own, and collects notes meanwhile.
    Result<void> errand(const std::function<Result<void>()>& task);

    // Collects notes until `done` holds: true; or until patience or a signal ends that: false.
    bool until(const std::function<bool()>& done, Duration patience);
    void watch(Duration time);

    // Who ended, though nobody made him.
    const std::vector<std::string>& accidents() const { return accidents_; }

  private:
    pid_t fork_child(const std::function<bool()>& body);
    Result<void> start_agent(std::size_t disk);
    Result<void> blank_agent(std::size_t disk);
    void kill_agent(std::size_t disk);
    void dismiss_agents();
    Result<void> write_zeros(std::size_t disk);
    void note(Happening what, std::size_t subject);
    void take(const Note& note);
    void collect(Duration patience);
    void reap();

    Play& play_;
    Recording& recording_;
    std::vector<pid_t> cast_;                       // by process; 0: not on stage
    pid_t messenger_ = 0;                           // on an errand
    std::vector<pid_t> agents_;                     // by disk; 0: none
    std::string agent_program_;
    Geometry geometry_;                             // of the disks
    std::vector<std::optional<std::size_t>> open_;  // by process: its operation under way
    std::vector<std::string> accidents_;
};

}  // namespace diskpaxos::demo
