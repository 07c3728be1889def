// From the guard to CMD: the last fork, and everything between it and execve.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstddef>
#include <string>

#include "supervise/post.hpp"
#include "supervise/terminal.hpp"

namespace diskpaxos {

struct Launched {
    pid_t pid = -1;  // negative: there is no process; `error` says why
    int news = -1;   // ends when CMD runs; if it cannot, carries the errno of that, an int
    int error = 0;
};

// `texts`: `words` words of CMD, then variables as NAME=VALUE, each ended by a zero byte. CMD leads
// a process group of its own, has the terminal if the owner has it, `mask` as its signal mask, and
// no descriptor that `run` was not started with. It dies with the process that calls this, and does
// not begin after the deadline: between a lease and an execve a machine may be suspended.
Launched launch(const std::string& texts, std::size_t words, const sigset_t& mask,
                Terminal& terminal, const SharedDeadline& deadline);

}  // namespace diskpaxos
