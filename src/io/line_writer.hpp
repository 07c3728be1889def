// LineWriter: lines for a descriptor that may be slow, full, closed, or read by nobody any more. A
// thread of its own writes them, so that who has something to say never waits and never fails. What
// cannot be written is left out, and counted.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/timer.hpp"

namespace diskpaxos::io {

class LineWriter {
  public:
    static constexpr std::size_t most_waiting = 256 * 1024;  // bytes; what comes then is left out

    // Makes the line that says how many were left out; it goes before the next one that is written.
    using Apology = std::string (*)(unsigned left_out);

    // `fd` stays the caller's, and open. Signals that the process handles must be blocked by now.
    explicit LineWriter(int fd, Apology apology = nullptr);
    ~LineWriter();  // as finish(), for half a second
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;

    void write(std::string_view line) noexcept;  // with its newline

    // Waits until everything is written or given up, but not longer than so. False: it was longer.
    bool finish(Duration patience) noexcept;

  private:
    struct State;
    std::shared_ptr<State> state_;  // the thread's as well, which may outlive us in a write
};

}  // namespace diskpaxos::io
