// Log: one line per event on stderr, in the words of the errors of the command.
//
// Strangers decide how often and in which words there is something to say about them. So a line is
// cut and has nothing but printable characters; of each kind of complaint there are some at once,
// then one now and then, and the number of those that were left out; and nothing about writing it
// reaches those who have something to say: no wait, no error.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "io/line_writer.hpp"

namespace diskpaxos::agent {

// As syslog(3) counts them.
enum class Level : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// What strangers and clients can cause. Each kind is counted by itself: a flood of one hides none
// of the others.
enum class Topic : std::uint8_t {
    strangers,  // have not said hello yet
    clients,    // have, and sent nonsense or do not read
    refusals,   // of what a client may not do
    limits,     // of connections
    comings,    // and goings; with --verbose only
};
inline constexpr std::size_t topics = 5;

inline constexpr std::size_t longest_line = 512;  // bytes, newline and all

// A line as it goes down. `to_journal`: with the level in front, as systemd takes it.
std::string log_line(Level level, std::string_view sentence, bool to_journal,
                     std::size_t longest = longest_line);

// Whether systemd's journal reads what is written to `fd` (JOURNAL_STREAM, systemd.exec(5)).
bool is_journal(int fd);

class Log {
  public:
    static constexpr unsigned at_once = 10;                    // complaints of one kind
    static constexpr Duration pace = std::chrono::seconds(2);  // then one in so long
    static constexpr Duration tell =
        std::chrono::seconds(10);  // what was left out, at most so often

    Log(Clock& clock, bool verbose, int fd = 2);

    void note(std::string_view sentence, Level level = Level::info);
    void complain(Topic topic, std::string_view sentence, Level level = Level::warning);
    void detail(std::string_view sentence);  // of comings, with --verbose

    // Says how many complaints were left out since it was asked last.
    void tell_left_out();
    Event& left_out() { return left_out_; }  // set while there is something to tell
    Clock& clock() { return clock_; }

  private:
    struct Budget {
        unsigned left = at_once;
        Instant since{};  // it grows from then on
        unsigned unsaid = 0;
        bool spend(Instant now);
    };

    Clock& clock_;
    const bool verbose_;
    const bool to_journal_;
    std::array<Budget, topics> budgets_;
    Event left_out_;
    io::LineWriter out_;
};

}  // namespace diskpaxos::agent
