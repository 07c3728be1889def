// Stage: processes that all do the same for a while, beginning and ending together; and Meter, with
// which each of them says what it did.
//
// A warm-up is not counted. The span that is begins with the first operation that ends after it,
// and ends with the first that ends after the time is up: a rate has no error of half an operation.
#pragma once

#include <functional>

#include "bench/yardstick/outcome.hpp"
#include "bench/yardstick/wish.hpp"

namespace diskpaxos::yardstick {

inline constexpr unsigned most_processes = 128;
inline constexpr std::size_t most_series = 3;

struct Board;   // in memory that all processes see
struct Ledger;  // of one of them

class Meter {
  public:
    Meter(Board& board, unsigned me);

    unsigned me() const { return me_; }

    // Returns once all processes are ready; what the loop carries goes on meanwhile.
    void ready();
    void ready(io::Loop& loop);

    // How long something took; forgotten outside a span.
    void note(std::size_t series, double took_us);
    void note(std::size_t series, Moment start, Moment done) {
        note(series, microseconds(done - start));
    }

    // An operation of a steady load has ended. False: it was the last.
    bool lap(const io::Counts& counts, Moment done);

    // What is cold is counted in many spans, with things between them that do not count. All of
    // them lie before the time is up.
    bool warm() const;
    bool over() const;
    void resume(const io::Counts& counts);
    void pause(const io::Counts& counts);
    void count();  // an operation, within a span

  private:
    Board& board_;
    Ledger& ledger_;
    const unsigned me_;
    bool running_ = false;
    bool over_ = false;
    Moment resumed_;
    Costs before_;
};

// Steady: nothing but what counts goes on, so the time of the whole machine is told as well.
// Sparse: other things go on in between, or nothing.
enum class Load : std::uint8_t { steady, sparse };
struct Performance {
    Outcome outcome;
    std::vector<std::uint64_t> operations;  // of each process
};

// Does `body` in as many processes as are wished for. They are forked off before there is any ring:
// neither rings nor threads survive that.
Performance perform(const Wish& wish, Load load, std::vector<std::string> series,
                    const std::function<void(Meter&)>& body);

// Ends this process with the exit code of a child that has failed.
void expect_success(int status);
void expect_all_alive();

}  // namespace diskpaxos::yardstick
