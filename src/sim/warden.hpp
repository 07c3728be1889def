// Warden: a simulated process with a seat, a session and locks, all of them the real ones, on a
// clock of its own. For each lock it runs one errand after the other: it asks in some way or
// other, acts while it may, to the last instant of its lease if it likes, and lets go. Its
// destruction is its death; what it had begun under the lock goes on to the end it was given.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "group/assemble.hpp"
#include "group/directory.hpp"
#include "lock/lock.hpp"
#include "sim/kernel.hpp"
#include "sim/local_clock.hpp"
#include "sim/lock_judge.hpp"

namespace diskpaxos::sim {

class Warden;

// What wardens share with those who watch them.
class Watchmen {
  public:
    virtual ~Watchmen() = default;
    virtual SimWorld& world() = 0;
    virtual LockJudge& judge() = 0;
    virtual bool calm() const = 0;  // faults are over: nobody begins an errand of chance
    virtual void stepped(const Warden& warden, const Step& step) = 0;
    virtual void say(const std::string& what) const = 0;
    virtual void met(const Warden& warden, Code code) = 0;  // how an acquisition failed
};

struct WardenPlan {
    Duration uptime{};         // of the host
    Duration patience{};       // for a seat, and for an operation
    std::uint32_t ttl_ms = 0;  // that its session lives by
    Duration think{};          // at most, between two errands
    Duration hold{};           // at most, of one act
    Duration wait{};           // at most, for a lock
    unsigned breaks = 0;       // per thousand waits that come to nothing: the holder is evicted_now
    unsigned readers = 300;    // per thousand errands
    bool steady = false;       // acquire exclusively, act, release, again: for fairness
    // Instead of errands of chance: takes each lock once, and must get it within `wait`.
    bool due = false;
    bool keep = false;  // and never lets go
};

class Warden final : private Trace {
  public:
    Warden(Watchmen& around, LocalClock& clock, Kernel& kernel, Host host,
           std::vector<SimPath*> paths, std::vector<std::string> locks, WardenPlan plan);
    Warden(const Warden&) = delete;
    Warden& operator=(const Warden&) = delete;
    ~Warden() override;

    Strand& strand() { return strand_; }
    LocalClock& clock() { return clock_; }
    const std::vector<SimPath*>& paths() const { return paths_; }
    bool seated() const { return group_ && group_->seat().has_value(); }
    bool finished() const { return finished_; }  // with its session left
    const std::optional<Error>& error() const { return error_; }
    const std::string& name() const { return name_; }
    const Session* session() const { return session_ ? &*session_ : nullptr; }
    std::uint64_t grants() const { return grants_; }
    bool holds(const std::string& lock) const { return holding_.contains(lock); }
    // What stands under our locks goes on to the last instant that it was promised, whatever
    // becomes of us.
    void act_to_the_end();

  private:
    void step(const Step& step) override;
    Instant in(Duration time) const { return world_.clock.now() + time; }
    Duration some(Duration most) { return around_.world().between(Duration(0), most); }
    bool chance(unsigned permille) { return around_.world().chance(permille); }
    Task<bool> sit();
    Task<void> live();
    Task<void> keep_a_session();
    Task<void> watch_session();
    Task<void> work(std::string lock);
    Task<void> errand(Lock& lock);
    Task<void> hold(Lock& lock, Holding& holding);
    Task<void> act(Lock& lock, Holding& holding);
    Task<void> vary(Lock& lock, Holding& holding);
    Task<void> let_go(Lock& lock);
    Task<void> break_a_holder(Lock& lock);
    LockWish draw_wish();
    void say(const std::string& what) const;
    void exit_with(std::optional<Error> error);

    Watchmen& around_;
    LocalClock& clock_;
    Host host_;
    Strand strand_;
    World world_;
    KernelLocks kernel_locks_;
    std::vector<SimPath*> paths_;
    std::vector<std::string> locks_;
    WardenPlan plan_;
    Assembly assembly_;
    std::string name_;
    bool finished_ = false;
    std::optional<Error> error_;
    std::uint64_t grants_ = 0;
    std::map<std::string, Holding> holding_;

    std::optional<Group> group_;
    std::optional<Directory> directory_;
    std::optional<Session> session_;
    Scope errands_;
    Scope scope_;  // last: its tasks die before what they refer to
};

}  // namespace diskpaxos::sim
