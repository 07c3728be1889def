// Colony: hosts over one group of simulated disks. Their processes take seats, work and die at any
// time; hosts pause and reboot, disks are wiped, and menders run meanwhile. When the storm is over,
// `check --repair` on every host must make everything sound, and all operations must end well.
//
// What is judged, apart from sim/invariants.hpp and the histories:
//  - the slot table: sim/slot_judge.hpp
//  - while a user has a seat, nobody else's write lands in its block, not even one of the dead
//  - a name is committed in one cell only, and never leaves it
// One disk at a time is damaged, another one only when that one has been healed. No write is lost
// silently, and what was rebooted waits out its late writes: these are the group's assumptions.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/invariants.hpp"
#include "sim/resident.hpp"
#include "sim/slot_judge.hpp"
#include "sim/ways.hpp"

namespace diskpaxos::sim {

struct ColonySetup {
    Geometry geometry{.block_size = 512, .slots = 3, .ring = 1, .cells = 2};
    std::size_t disks = 3;
    Makeup makeup{};  // of them
    unsigned hosts = 2;
    unsigned users = 1;  // of each host, at once
    std::vector<std::string> names{"a", "b"};
    std::uint32_t ttl_ms = 200;  // claims: B = 10 ms, V = 20 ms

    unsigned operations = 8;  // of each user
    Duration think = milliseconds(1);
    Duration storm = milliseconds(200);
    Faults faults;
    // Weights of what faults.hpp does not know; its crash and pause are of any resident.
    unsigned mend = 0;    // a mender starts
    unsigned reboot = 0;  // of a host
    unsigned cut = 0;     // one host does not reach one disk for a while
    unsigned mute = 0;    // or hears nothing of it
    unsigned keeper = 0;  // permille of the users that give back what their host does not need
    unsigned ambush = 0;  // a slot table is wiped in the middle of the next claim

    // A slow colony lives for minutes, so that claims are settled in the middle of it.
    Duration absence{};  // at most, of disks, ways to them, and processes; 0: as longest_hang
    Duration patience = milliseconds(200);  // of users that look for a seat in the storm
};

enum class ColonyMark : std::uint8_t {
    seated,
    no_seat,
    killed_user,
    killed_mender,
    rebooted,
    wiped,
    wiped_another,  // after the one before had been healed
    mended,         // a mender ended, in the storm
    healed_blocks,  // in the storm
    late_write,     // of a dead process
    two_hosts_seated,
    cut_off,
    table_wiped,  // and its stamps with it
    ghost,        // a write to a slot table landed after its error had been told
    count,
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(ColonyMark::count)>
    colony_mark_names{"seated",           "no seat",
                      "killed user",      "killed mender",
                      "rebooted",         "wiped",
                      "wiped another",    "mended",
                      "healed blocks",    "late write of dead",
                      "two hosts seated", "cut off",
                      "table wiped",      "late write to a table"};

class Colony final : public Neighbourhood, public Watch {
  public:
    Colony(std::uint64_t seed, const ColonySetup& setup, bool verbose);
    Colony(const Colony&) = delete;
    Colony& operator=(const Colony&) = delete;
    ~Colony() override;

    void run();
    const std::string& violation() const { return invariants_.violation(); }
    std::uint64_t mark(ColonyMark which) const { return marks_[static_cast<std::size_t>(which)]; }
    const Marks& met_on_the_way() const { return way_marks_; }  // to active disks

    SimWorld& world() override { return world_; }

  private:
    struct Home {  // a host
        Host host;
        Instant booted{};
        Kernel kernel;
        std::vector<std::unique_ptr<User>> users;
        std::unique_ptr<Mender> mender;
        std::vector<Cable> cables;  // to each disk
        Instant quiet_until{};      // nobody starts before
    };

    // What residents tell.
    bool calm() const override { return calm_; }
    void seated(const Resident& user) override;
    void unseated(const Resident& user) override;
    void stepped(const Resident& user, const Step& step) override;
    void wrong(std::string what) override { invariants_.violate(std::move(what)); }
    void say(const std::string& what) const override;
    History& history(const std::string& name) override { return histories_[name]; }
    const std::vector<std::string>& names() const override { return setup_.names; }
    void landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) override;
    void overlapped(const SimPath& path, std::uint64_t block) override;
    void executed(const SimPath& path, std::uint32_t cell, const Block& block) override;
    void came_across(const SimPath&, Mark mark) override { way_marks_.count(mark); }

    // The story.
    void format();
    void storm();
    void whim();
    void calm_down();
    void mend_everywhere(bool must_be_sound);
    void last_round();
    void judge();

    // Its parts.
    std::vector<SimPath*> new_paths(const Home& home);
    void start_user(Home& home);
    void start_mender(Home& home);
    void ends(const Resident& resident);
    void kill_user(std::unique_ptr<User>& user);
    void kill_mender(Home& home);
    void kill_anyone();
    void pause_anyone();
    void reboot(Home& home);
    void table_changed(const Platter& platter, std::uint64_t block);
    void cut(bool fails);
    void trouble_agent(std::size_t disk, bool restarts);
    void wipe(bool table_only);
    bool healed(const Platter& platter) const;
    void bury();  // those who have ended
    bool run_until_ended(Duration most);
    void committed(std::uint32_t cell, Rank rank);
    void judge_slot_of_a_user(const SimPath& path, const Platter& platter, Place place);
    std::vector<const Resident*> seats() const;
    // How long something that is drawn now is away, in the end.
    Instant until(Duration most) { return world_.now() + world_.between(microseconds(100), most); }
    Home& any_home() { return homes_[world_.random().below(homes_.size())]; }
    void mark_down(ColonyMark which) { ++marks_[static_cast<std::size_t>(which)]; }
    DiskKinds kinds() const { return setup_.makeup.kinds(setup_.disks); }
    bool going_on() const { return violation().empty(); }

    const ColonySetup setup_;
    SimWorld world_;
    bool verbose_;
    Faults faults_;
    RecordFormat format_;
    Superblock superblock_;
    Invariants invariants_;
    std::optional<SlotJudge> slots_;
    bool calm_ = false;
    bool ambush_ = false;
    unsigned residents_ = 0;  // that ever started
    std::vector<std::unique_ptr<Platter>> platters_;
    Ways ways_;
    std::map<std::string, History> histories_;
    std::map<std::string, std::uint32_t, std::less<>> cell_of_name_;
    std::map<std::uint32_t, std::map<Rank, std::string>> names_of_cell_;  // as committed
    Platter* wounded_ = nullptr;  // the only disk that may have damage
    std::array<std::uint64_t, colony_mark_names.size()> marks_{};
    Marks way_marks_;
    std::vector<Home> homes_;  // last: residents die first
};

}  // namespace diskpaxos::sim
