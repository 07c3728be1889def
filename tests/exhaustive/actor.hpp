// Actor: one process on the real code (Register, PassiveVisit, Lane, Cell), alone with disks that
// answer only when told to and a clock that moves only when told to.
//
// Processes never talk to each other, so what a process does next is a function of the answers it
// was given, and of nothing else. That is what the whole search rests on: see search.hpp.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "cluster.hpp"
#include "consensus/cell.hpp"
#include "content.hpp"
#include "register/active_visit.hpp"
#include "register/passive_visit.hpp"

namespace diskpaxos::exhaustive {

class BarrierLine;

// What happens to a process. `row` is what the answered request read, place by place.
struct Input {
    enum class Kind : std::uint8_t { answer, error, time_out, expire, begin };
    Kind kind = Kind::answer;
    std::uint8_t disk = 0;
    std::uint8_t flight = 0;  // which of its requests to this disk, oldest first
    std::array<Content, max_places> row{};
    StepVerdict verdict{};  // of a step
};

// What a process has answered to its own user: a decision, or the outcome of an operation.
struct Outcome {
    enum class Kind : std::uint8_t { nothing, decided, increased, got, unmet, unsure };
    Kind kind{};
    std::uint8_t value = 0;
    bool operator==(const Outcome&) const = default;
};

// A request that the process has submitted and that has not been answered.
struct Request {
    std::uint8_t disk = 0;
    Io::Kind kind{};
    bool stale = false;        // its answer will be ignored: it belongs to an earlier phase
    bool own_too = true;       // whether it matters what it reads of its own block
    Content content = 0;       // visit, write: what is written
    std::uint64_t seq = 0;     // of the content
    std::uint64_t phase = 0;   // of the register, when it was submitted
    std::uint64_t serial = 0;  // tells it from all others to this disk
};

// One process as the search sees it.
struct Portrait {
    Digest common;                         // everything that is not one disk's
    std::array<Digest, max_disks> column;  // per disk; disks are alike, so columns may be sorted
    std::vector<Request> requests;         // by disk, then age
    std::vector<Outcome> outcomes;
    bool patient = false;    // a phase is waiting, and a time-out would make a difference
    bool operating = false;  // a cell operation is under way and could run into its deadline
    bool idle = false;       // before an operation that it may begin
    bool finished = false;
};

class RecordedDisk;

// The clock stands still until somebody moves it.
class HandClock final : public Clock {
  public:
    Instant now() const override { return now_; }
    void arm(Timer& timer, Runnable& sleeper) override { timers_.arm(timer, sleeper); }
    void disarm(Timer& timer) override { timers_.disarm(timer); }
    bool waiting() const { return !timers_.empty(); }
    void advance_to_timer() { advance(timers_.first_due()); }
    void advance(Instant to) {
        now_ = std::max(now_, to);
        timers_.fire_until(now_);
    }
    void restart() { now_ = Instant(); }

  private:
    Instant now_{};
    TimerQueue timers_;
};

// What can be used again by the next actor: disks with their buffers, clock, queue.
struct Stage {
    Stage(const Cluster& cluster, Contents& contents);
    ~Stage();
    const Cluster& cluster;
    Contents& contents;
    Geometry geometry;
    Geometry active_geometry;
    RecordFormat format;
    Threshold rule;
    RunQueue queue;
    HandClock clock;
    SeededRandom random{1};
    NoTrace no_trace;
    World world{queue, clock, random, no_trace};
    std::vector<std::unique_ptr<RecordedDisk>> disks;
};

class Actor {
  public:
    // `incarnation`: 0 for the first user of the slot; it finds a pristine disk and its recovery is
    // done at once (what a later one would teach it beyond its own, initial, blocks are hints about
    // ranks only). A later one recovers step by step.
    Actor(Stage& stage, const Role& role, unsigned incarnation);
    ~Actor();

    void happen(const Input& input);
    Portrait portrait() const;
    std::vector<Request> requests() const;
    Place place() const { return place_; }

  private:
    Task<void> play();
    Task<void> propose(bool again);
    Task<void> learn();
    Task<void> operate(Act act);
    Verdict increase(const CellView& base, Draft& draft, bool only_from_zero);
    void conclude(const ChangeOutcome& outcome);
    void conclude(const GetOutcome& outcome);
    void settle();
    Request find(const Input& input) const;
    std::vector<std::unique_ptr<Visit>> make_visits();
    Digest column(std::size_t disk, const std::vector<Request>& requests) const;
    Digest common() const;
    unsigned attempts() const {
        return role_.attempts != 0 ? role_.attempts : stage_.cluster.attempts;
    }
    bool cell() const { return cell_ != nullptr; }

    Stage& stage_;
    const Role& role_;
    unsigned incarnation_;
    Place place_;
    Proposer me_;
    Pace pace_{std::chrono::milliseconds(1)};
    std::vector<Lane*> lanes_;
    std::unique_ptr<BarrierLine> barrier_;
    std::unique_ptr<Cell> cell_;
    std::unique_ptr<Register> bare_;  // of a process that proposes without a cell
    Register* register_ = nullptr;

    // Where the script stands.
    std::size_t act_ = 0;
    unsigned attempt_ = 0;
    bool begun_ = true;  // false: the next operation waits until it is told to begin
    bool finished_ = false;
    Rank composed_;                // cells: the rank at which the change was last computed,
    std::uint64_t first_ = 0;      // and the round of the first attempt that changed the value,
    std::vector<std::pair<std::uint64_t, std::uint8_t>> drafts_;  // of the operation under way
    std::uint64_t unsettled_ = 0;  // also of the last operation whose outcome is not known
    Instant deadline_{};
    Event begin_;
    std::vector<Outcome> outcomes_;
    std::vector<Digest> early_;  // per disk: what was read within a visit that is not over

    std::unique_ptr<Scope> frames_;  // last: they die before what they refer to
};

}  // namespace diskpaxos::exhaustive
