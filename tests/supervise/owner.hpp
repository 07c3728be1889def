// What the tests of src/supervise share: an owner of a command as `run` is one, processes seen from
// outside, and a scratch directory by which CMD tells what it is.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/backend.hpp"
#include "supervise/command.hpp"
#include "supervise/realtime.hpp"

namespace diskpaxos {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

#if defined(__SANITIZE_ADDRESS__)
constexpr Duration reaction = 500ms;
#else
constexpr Duration reaction = 100ms;  // what a loaded machine may take; usually it is a few
#endif

class Scratch {
  public:
    Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();

    std::string file(const std::string& name) const { return path_ / name; }
    std::string wait_for(const std::string& name) const;  // its first line, once it is there
    pid_t wait_for_pid(const std::string& name) const { return std::stoi(wait_for(name)); }

  private:
    std::filesystem::path path_;
};

// sh -c SCRIPT with $D for the scratch directory, and `note NAME` to leave one's process id there.
Words script(const Scratch& scratch, const std::string& text);

// A process that is nobody's business but to be looked at.
class Seen {
  public:
    explicit Seen(pid_t pid);
    Seen(const Seen&) = delete;
    Seen& operator=(const Seen&) = delete;
    ~Seen();
    bool lives() const { return !ends_within(Duration::zero()); }
    bool ends_within(Duration patience) const;

  private:
    int pidfd_;
};

// In the order of birth: the guard first, the command's listeners last to die.
struct Owner {
    explicit Owner(io::Backend backend = io::Backend::automatic);

    std::unique_ptr<Command> command;
    Realtime realtime;  // as in `run`: after the guard, before the rest
    std::unique_ptr<io::Loop> loop;

    ~Owner() { command.reset(); }  // before its loop

    void start(const Words& words, Deadline deadline, const Words& variables = {}) {
        command->start(*loop, words, variables, deadline);
    }
    void start(const Words& words) { start(words, from_now(10s, 11s)); }
    Outcome finish();  // waits for the end of everything
    Outcome run(const Words& words) {
        start(words);
        return finish();
    }
    void drive_until(Event& event);  // fails after ten seconds
    void drive_for(Duration duration);
    Deadline from_now(Duration terminate, Duration kill) const {
        return {loop->now() + terminate, loop->now() + kill};
    }
};

void report_reaction(const char* what, Duration took);

}  // namespace diskpaxos
