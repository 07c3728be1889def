// Ward: hosts over one group of simulated disks, on which wardens hold locks. They crash, pause and
// come back; disks hang, fail and are wiped, a majority of them goes and returns; clocks drift to
// their bound, or beyond. When the storm is over everybody must come to an end, every lock must be
// had again, and one that dies must be succeeded in the time that docs/timing.md promises.
//
// What is judged: sim/lock_judge.hpp (L1 to L6), and
//  L7  In the calm every waiter gets its lock, within the time that the dead may cost.
//  L8  Who dies holding a lock is succeeded within observe() + renewal() + a few polls.
// The registers and cells below are judged by other runs (sim/cluster.hpp, sim/colony.hpp).
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/warden.hpp"
#include "sim/ways.hpp"

namespace diskpaxos::sim {

struct WardSetup {
    Geometry geometry{.block_size = 512, .slots = 5, .ring = 1, .cells = 16};
    std::size_t disks = 3;
    Makeup makeup{};  // of them
    unsigned hosts = 2;
    unsigned wardens = 2;  // of each host, at once
    std::vector<std::string> locks{"a"};
    std::uint32_t ttl_ms = 300;
    std::vector<std::uint32_t> ttls{};  // that wardens are told to live by; empty: the group's
    std::int64_t drift = 500;           // millionths: clocks gain or lose at most that
    bool beyond = false;                // the bound on clocks does not hold

    Duration storm = milliseconds(6'000);
    Duration think = milliseconds(100);
    Duration hold = milliseconds(100);
    Duration wait = milliseconds(1'000);
    Duration patience = milliseconds(200);
    unsigned readers = 300;
    Faults faults;
    Duration longest_pause = milliseconds(600);
    Duration whims = milliseconds(100);  // on average, between two
    // Weights of what faults.hpp does not know; its crash and pause are of any warden.
    unsigned majority_gone = 0;  // more disks than can be spared fail, for a while
    unsigned reboot = 0;         // of a host
    unsigned jump = 0;           // of a clock
    unsigned breaks = 0;         // per thousand waits that come to nothing
};

enum class WardMark : std::uint8_t {
    granted,
    busy,
    lost,
    no_quorum,
    unknown_outcome,
    killed,
    killed_holder,
    paused,
    rebooted,
    wiped,
    majority_gone,
    late_write,
    refused_write,
    overlap,
    count,
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(WardMark::count)>
    ward_mark_names{"granted",       "busy",   "lost",          "no quorum",
                    "unknown",       "killed", "killed holder", "paused",
                    "rebooted",      "wiped",  "majority gone", "late write of dead",
                    "refused write", "overlap"};

class Ward final : public Watchmen, public Watch {
  public:
    Ward(std::uint64_t seed, const WardSetup& setup, bool verbose);
    Ward(const Ward&) = delete;
    Ward& operator=(const Ward&) = delete;
    ~Ward() override;

    void run();
    // No faults, no chance: all take one lock over and over. How often each got it.
    std::vector<std::uint64_t> contend(Duration time);

    const std::string& violation() const { return judge_.violation(); }
    std::uint64_t mark(WardMark which) const { return marks_[static_cast<std::size_t>(which)]; }
    const Marks& met_on_the_way() const { return way_marks_; }  // to active disks

    SimWorld& world() override { return world_; }

  private:
    struct Home {  // a host
        Host host;
        Instant booted{};
        Kernel kernel;
        std::vector<std::unique_ptr<Warden>> wardens;
    };

    // What wardens tell.
    LockJudge& judge() override { return judge_; }
    bool calm() const override { return calm_; }
    void stepped(const Warden& warden, const Step& step) override;
    void say(const std::string& what) const override;
    void met(const Warden& warden, Code code) override;
    void landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) override;
    void overlapped(const SimPath& path, std::uint64_t block) override;
    void executed(const SimPath& path, std::uint32_t cell, const Block& block) override;
    void came_across(const SimPath&, Mark mark) override { way_marks_.count(mark); }
    void show(std::uint32_t cell, const Block& block);
    void accepted(std::size_t disk, std::uint32_t cell);

    // The story.
    void format();
    void storm();
    void whim();
    void calm_down();
    void last_round();
    void succession();

    // Its parts.
    std::unique_ptr<Warden> new_warden(Home& home, WardenPlan plan, std::vector<std::string> locks);
    WardenPlan plan_for(const Home& home) const;
    void start_missing();
    void kill(std::unique_ptr<Warden>& warden);
    std::unique_ptr<Warden>* anyone();
    void pause_anyone();
    void doom_a_holder(Instant soon_after);
    void reboot(Home& home);
    void trouble_agent(std::size_t disk, bool restarts, Instant until);
    void bury();
    bool run_until(const std::function<bool()>& done, Duration most);
    bool all_finished() const;
    std::vector<std::unique_ptr<Warden>*> everybody();
    Duration ttl() const;  // the longest that anybody lives by
    void mark_down(WardMark which) { ++marks_[static_cast<std::size_t>(which)]; }
    bool going_on() const { return violation().empty(); }

    const WardSetup setup_;
    SimWorld world_;
    bool verbose_;
    Faults faults_;
    RecordFormat format_;
    LockJudge judge_;
    Superblock superblock_;
    bool calm_ = false;
    std::vector<std::unique_ptr<Platter>> platters_;
    Ways ways_;
    std::vector<std::unique_ptr<LocalClock>> clocks_;  // likewise
    Platter* wounded_ = nullptr;                       // the only disk that may have damage
    std::set<std::pair<std::uint32_t, Rank>> seen_;    // what the judge has been shown
    // Of active disks: what each has accepted and not made durable yet, by disk and cell; and which
    // of them have, of what no majority has.
    std::map<std::pair<std::size_t, std::uint32_t>, std::vector<Rank>> unsaved_;
    std::map<std::pair<std::uint32_t, Rank>, DiskSet> acceptors_;
    std::array<std::uint64_t, ward_mark_names.size()> marks_{};
    Marks way_marks_;
    std::vector<Home> homes_;  // last: wardens die first
};

}  // namespace diskpaxos::sim
