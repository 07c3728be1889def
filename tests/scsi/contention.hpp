// Processes that contend for one register of a LUN, each with a session of its own, and how long a
// step takes. Also the command `diskpaxos-caw`, for targets that a test cannot start by itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "diskpaxos/error.hpp"

namespace diskpaxos::scsi {

inline constexpr std::uint64_t contended_block = 40;

struct Tally {
    std::uint64_t counted = 0;   // increments that were done for certain
    std::uint64_t doubts = 0;    // and those that may have been
    std::uint64_t misses = 0;    // compares that found something else
    std::uint64_t failures = 0;  // requests that ended with an error
    double seconds = 0;
};

struct Contention {
    Tally all;
    std::uint64_t final_count = 0;  // what the register says in the end

    // Every certain increment is there, and none but those that were tried.
    bool exact() const {
        return final_count >= all.counted && final_count <= all.counted + all.doubts;
    }
};

Result<void> format(const std::string& url);         // the register
Result<std::uint64_t> show(const std::string& url);  // what it says
// Processes that count on it; URLs are dealt out to them in turn.
Result<Tally> join(const std::vector<std::string>& urls, unsigned processes,
                   std::uint64_t increments_each);

// All three.
Result<Contention> contend(const std::vector<std::string>& urls, unsigned processes,
                           std::uint64_t increments_each);

struct Latency {
    double p50 = 0;  // microseconds
    double p99 = 0;
};
struct Latencies {
    Latency raw;      // one compare and write as libiscsi sends it, and nothing around it
    Latency guessed;  // a step by one who steps alone
    Latency cold;     // a step on a register that was not seen before
};
Result<Latencies> measure(const std::string& url, unsigned rounds);

}  // namespace diskpaxos::scsi
