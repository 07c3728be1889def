// Search: every schedule of a small cluster, shortest first, on the real code.
//
// A state is never entered twice. What makes that affordable is that processes share nothing but
// the disks: each is run once for each different thing that can happen to it (atlas.hpp), and the
// search combines these steps. A schedule that breaks a rule is run again with all processes alive
// at once (story.hpp), and must break it there too.
//
// What is not searched, and why nothing is lost by it (docs/testing.md has the arguments at
// length):
//  - An answer comes with the last step of its request. Coming later it would say the same, and
//    a process that has it early may still find everything else as slow as it likes.
//  - A process reads its own block back when its write lands. Read later it could only differ for
//  the
//    worse, and then this disk would not count: as if the answer never came.
//  - A visit of an earlier phase is answered as it lands: all that its answer does is free the
//  lane.
//  - Disks are alike: states that differ only by their order are one.
// Where a scope says so (whole_recovery), the recovery of a process that proposes reads each row in
// one step instead of block by block. Of the others' blocks it only learns which rank to try.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "state.hpp"

namespace diskpaxos::exhaustive {

// Told of every input that a process is given, while a schedule is being followed.
using Listener = std::function<void(std::size_t actor, const Input& input, NodeId now)>;

class Search {
  public:
    explicit Search(const Cluster& cluster);

    struct Result {
        std::string violation;         // empty: none in this scope
        std::vector<Choice> schedule;  // the shortest that leads to it
        std::size_t states = 0;
        std::size_t steps = 0;         // transitions, those into known states included
        std::size_t local_states = 0;  // of single processes
        std::size_t runs = 0;          // of the real code
        std::size_t depth = 0;         // of the deepest state
        double seconds = 0;
        std::size_t skipped = 0;  // steps into states with too many requests to hold
        bool complete = false;    // every state was reached
    };
    Result run(std::size_t most_states);

    State start();
    // Whether the step fits into a state; what it broke, if anything, is in `wrong`.
    bool step(State& state, const Choice& choice, std::string& wrong);
    void choices(const State& state, std::vector<Choice>& out) const;
    void listen(Listener listener) { listener_ = std::move(listener); }

    const Cluster& cluster() const { return cluster_; }
    const Contents& contents() const { return contents_; }
    const Atlas& atlas() const { return atlas_; }
    bool is_active(std::size_t disk) const { return disk < cluster_.active; }
    Contents::Executed execute(Content present, Content request) {
        return contents_.execute(present, request);
    }
    Place place_of(const State& state, std::size_t actor) const;
    const Request& request_of(const State& state, const Choice& choice) const;

  private:
    Digest digest(const State& state) const;
    void choices_of_actor(const State& state, std::size_t actor, std::vector<Choice>& out) const;
    void choices_of_world(const State& state, std::vector<Choice>& out) const;
    bool move(State& state, std::size_t actor, const Input& input, std::string& wrong);
    bool deliver(State& state, const Choice& choice, std::string& wrong);
    bool progress(State& state, const Choice& choice, std::string& wrong);
    bool arrive(State& state, const Choice& choice, Flight& flight, std::string& wrong);
    bool crash(State& state, const Choice& choice);
    bool fail(State& state, const Choice& choice, std::string& wrong);
    bool haunt(State& state, const Ghost& ghost) const;
    void misfortune(State& state, const Choice& choice);
    void invoke(State& state, std::size_t actor) const;
    bool record(State& state, std::size_t actor, const Moment& moment, std::string& wrong);
    bool in_bounds(const Request& request) const;
    std::uint8_t to_read(const State& state, std::size_t actor, const Request& request) const;
    bool reads_whole(const Request& request) const;
    static bool ignores(const Request& request);  // whether the process ignores what it reads
    std::uint8_t operation_of(const State& state, std::size_t actor) const;

    const Cluster& cluster_;
    Contents contents_;
    Atlas atlas_;
    Listener listener_;
    bool cells_ = false;
    std::uint8_t all_places_ = 0;      // a bit per place of the row
    std::uint8_t written_places_ = 0;  // those that anybody may ever write
};

}  // namespace diskpaxos::exhaustive
