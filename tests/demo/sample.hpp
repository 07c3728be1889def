// A recording that nobody recorded: everything that can happen in a show happens once, at times
// that are known. What is tested on it is told to be so by the test, not by a show.
#pragma once

#include "demo/recording.hpp"

namespace diskpaxos::demo {

constexpr Instant sample_time(double milliseconds) {
    return Instant(std::chrono::seconds(5000)) +
           Duration(static_cast<std::int64_t>(milliseconds * 1e6));
}

// Acts of four seconds each: hand-overs, a kill, a stop with its refused write, a wiped disk, a
// lost majority, healing.
Recording sample_recording();

}  // namespace diskpaxos::demo
