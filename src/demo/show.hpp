// Show: the acts of the demo, one after the other, with real processes on files. Each act asserts
// the numbers of its own caption; what does not hold is a violation.
#pragma once

#include <functional>
#include <string>

#include "demo/judge.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::demo {

struct ShowOptions {
    unsigned agents = 0;     // so many of the disks are stores of disk agents, the last ones
    bool fast = false;       // with a short TTL, and no longer than it takes
    std::uint64_t seed = 0;  // of the story: which disk, how long the pauses, what is asked
    std::string folder;      // exists, absolute, empty; disks and resource are made in it
    std::string command;     // as a person would type it to see this again
};

enum class Tone : std::uint8_t { title, plain, good, bad, faint };
using Say = std::function<void(Tone tone, const std::string& line)>;  // at most 80 columns

struct ShowOutcome {
    Recording recording;
    Violations violations;
    int signal = 0;  // that ended it before its time
};

Result<ShowOutcome> perform(const ShowOptions& options, const Say& say);

}  // namespace diskpaxos::demo
