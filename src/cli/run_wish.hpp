// What a call of `run` asks for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/invocation.hpp"
#include "lock/lock_record.hpp"

namespace diskpaxos::cli {

struct RunWish {
    std::string lock;
    std::vector<std::string> command;
    std::string label;  // shown to others in place of the command
    LockMode mode = LockMode::exclusive;
    std::optional<Duration> wait;  // none: for ever; zero: try once
    bool quiet = false;            // if somebody else holds it, say nothing
    int busy_code = 0;
    std::optional<Duration> ttl;
    std::optional<std::string> watchdog;
    Duration timeout{};
    std::string same_disks;  // options for commands that are suggested

    bool waits() const { return !wait || *wait > Duration(0); }
};

Result<RunWish> run_wish(const Invocation& call);

// Those that are passed on to CMD: all that can be caught, but for those that are about `run`
// itself. What we were started to ignore, as under nohup, stays ignored.
std::vector<int> signals_for_command();

// Whether a process that does nothing about this signal ends by it.
bool ends_by_default(int signal);

}  // namespace diskpaxos::cli
