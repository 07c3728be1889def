// Log: one line per event on stderr, in the words of the errors of the command. What strangers can
// cause is said so often per second and no more.
#pragma once

#include <string_view>

#include "async/clock.hpp"

namespace diskpaxos::agent {

class Log {
  public:
    Log(Clock& clock, bool verbose) : clock_(clock), verbose_(verbose) {}

    void note(std::string_view sentence);      // what an operator should see
    void detail(std::string_view sentence);    // with --verbose only
    void complain(std::string_view sentence);  // about a client; rarely enough

  private:
    static constexpr unsigned most_complaints = 10;  // a second

    Clock& clock_;
    bool verbose_;
    Instant since_{};
    unsigned complaints_ = 0;
    unsigned unsaid_ = 0;
};

}  // namespace diskpaxos::agent
