// Stage: processes of hosts over simulated disks, where a story says what becomes of each request.
// The processes are those of colonies (sim/resident.hpp), and so is the judge; but nothing happens
// by chance. T_ghost is 30 s, V is 100 ms.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/resident.hpp"
#include "sim/slot_judge.hpp"

namespace diskpaxos::sim {

// One request, as a story sees it.
struct Request {
    bool write = false;
    bool table = false;  // of the slot table: a write of one block of it, or a read of all of it
    BlockKind kind = BlockKind::claim;  // a write to the table
    std::uint32_t slot = 0;
    SlotEntry entry;

    bool stamp() const { return write && table && kind == BlockKind::claim && entry.held(); }
    bool owner() const { return write && table && kind == BlockKind::owner; }
};

enum class Fate : std::uint8_t {
    done,     // soon
    refused,  // an error; nothing happens
    late,     // an error is told; it lands when the story says so
    held,     // nothing is told, and nothing happens before the story says so
};

// The way of one process to one disk.
class StagePath final : public SimPath {
  public:
    using SimPath::SimPath;

    std::function<Fate(const Request&)> script;  // none: everything is done
    void reach(bool all) {                       // or nothing
        if (all)
            script = nullptr;
        else
            script = [](const Request&) { return Fate::refused; };
    }
    void land();  // all that is late or held happens now
    void lose();  // or never
    std::size_t waiting() const { return late_.size() + held_.size(); }

    bool drained() const override { return waiting() == 0; }

  protected:
    void submit(Io& io) override;

  private:
    struct Letter {
        std::uint64_t block;
        Bytes content;
    };
    Request seen(const Io& io) const;
    std::vector<Letter> letters_of(const Io& io) const;
    void carry_out(Io& io);

    std::deque<Letter> late_;
    std::deque<Io*> held_;
};

class Stage final : public Neighbourhood, public Watch {
  public:
    struct Actor {
        std::unique_ptr<Resident> resident;
        std::vector<StagePath*> paths;
        User* user = nullptr;  // what it is, while it lives
        Mender* mender = nullptr;
        bool seated() const { return user != nullptr && user->seated(); }
        bool over() const { return resident == nullptr || resident->finished(); }
        StagePath& to(std::size_t disk) { return *paths[disk]; }
    };
    struct Finding {
        SlotFault fault;
        std::string sentence;
    };

    // One cell; `owned`: so many slots are host 0's from the beginning on.
    explicit Stage(std::size_t disks = 3, std::uint32_t slots = 1, std::uint32_t owned = 0);
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() override;

    // A process starts: one that wants a seat, waits long for it, and keeps it; or a mender.
    Actor& user(std::size_t host);
    Actor& mender(std::size_t host);
    // One that gives slot 0 back, or frees what another host has.
    Actor& giver(std::size_t host);
    Actor& forgetter(std::size_t host, std::size_t forgotten);
    void kill(Actor& actor);
    void hold(Actor& actor, bool held) { actor.resident->strand().held = held; }

    // Until then; false if that takes too long.
    bool until(const std::function<bool()>& then, Duration most = std::chrono::minutes(3));
    void pass(Duration time);

    void wipe_table(std::size_t disk);
    void wipe_row(std::size_t disk);
    // What a claimant of long ago has left behind.
    void plant_stamp(std::size_t disk, std::uint32_t slot);
    std::optional<SlotEntry> owner(std::size_t disk, std::uint32_t slot = 0) const;
    std::optional<SlotEntry> claim(std::size_t disk, std::uint32_t slot = 0) const;

    // Everything under way lands, all disks can be reached, those without a seat die, and each host
    // repairs once. Then every slot must be somebody's or claimable.
    void settle();

    const std::vector<Finding>& findings() const { return findings_; }
    bool found(SlotFault fault) const;
    std::string told() const;  // all findings, one a line

    SimWorld& world() override { return world_; }

  private:
    struct Home {
        Host host;
        Kernel kernel;
    };

    bool calm() const override { return false; }
    void seated(const Resident& user) override;
    void unseated(const Resident& user) override { judge_->left(&user); }
    void stepped(const Resident&, const Step&) override {}
    void wrong(std::string what) override { note(SlotFault::users, std::move(what)); }
    void say(const std::string& what) const override;
    History& history(const std::string& name) override { return histories_[name]; }
    const std::vector<std::string>& names() const override { return names_; }
    void landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) override;
    void overlapped(const SimPath&, std::uint64_t) override {}

    void format(std::uint32_t owned);
    Actor& actor(std::size_t host);
    std::vector<SimPath*> ways(const Actor& actor) const;
    void note(SlotFault fault, std::string sentence);

    SimWorld world_{1};
    Faults faults_;
    Superblock group_;
    Platters platters_;
    std::unique_ptr<SlotJudge> judge_;
    std::vector<Finding> findings_;
    std::map<std::string, History> histories_;
    std::vector<std::string> names_;
    std::vector<std::unique_ptr<StagePath>> paths_;  // of all that ever lived
    std::vector<Home> homes_;
    std::deque<Actor> actors_;  // last: they die first
};

}  // namespace diskpaxos::sim
