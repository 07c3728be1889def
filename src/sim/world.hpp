// The simulated world: virtual time, one queue of things to come, one source of chance. Everything
// that happens is a step, and every step enters the trace hash: the same seed must give the same
// hash, byte for byte, on every machine.
//
// Coroutines take no virtual time. Each process has a strand of its own, so that a process can be
// paused or killed between any two of its resumptions.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "async/clock.hpp"
#include "async/random.hpp"
#include "async/run_queue.hpp"

namespace diskpaxos::sim {

class SimClock final : public Clock {
  public:
    Instant now() const override { return now_; }
    void arm(Timer& timer, Runnable& sleeper) override { timers_.arm(timer, sleeper); }
    void disarm(Timer& timer) override { timers_.disarm(timer); }

  private:
    friend class SimWorld;
    Instant now_{};
    TimerQueue timers_;
};

struct Strand {  // the one thread of a process
    RunQueue queue;
    bool held = false;  // paused: what is ready stays ready
};

class SimWorld {
  public:
    explicit SimWorld(std::uint64_t seed) : random_(seed) {}
    SimWorld(const SimWorld&) = delete;
    SimWorld& operator=(const SimWorld&) = delete;

    Instant now() const { return clock_.now(); }
    SimClock& clock() { return clock_; }
    Random& random() { return random_; }
    Duration between(Duration least, Duration most);         // drawn uniformly
    bool chance(unsigned permille) { return permille > 0 && random_.below(1000) < permille; }

    void at(Instant due, std::function<void()> what);  // among equals: first come, first served
    void enter(Strand& strand) { strands_.push_back(&strand); }
    void leave(Strand& strand) { std::erase(strands_, &strand); }

    // The next thing that happens: a resumption, or time goes on to the next event or timer.
    // False if nothing will ever happen again.
    bool step();
    // Until nothing is left to happen, or the next thing would be later than `end`.
    void run(Instant end);

    void digest(std::uint64_t word);  // enters `word` into the trace hash
    std::uint64_t trace_hash() const { return hash_; }
    std::uint64_t steps() const { return steps_; }

  private:
    struct Occurrence {
        Instant due;
        std::uint64_t sequence;
        std::function<void()> what;
        bool operator<(const Occurrence& other) const {  // the heap's top is the earliest
            return due != other.due ? due > other.due : sequence > other.sequence;
        }
    };
    bool resume_one();
    bool anything_ready() const;
    bool next_due(Instant& due) const;

    SimClock clock_;
    SeededRandom random_;
    std::vector<Strand*> strands_;
    std::vector<Occurrence> occurrences_;  // a heap
    std::uint64_t sequence_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t hash_ = 0;
};

}  // namespace diskpaxos::sim
