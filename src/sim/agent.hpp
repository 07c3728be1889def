// SimAgent: what stands beside an active disk. It executes steps on what it holds in memory, makes
// many of them durable at once a little later, and answers only then. It may die at any instant,
// and comes back with what was durable; of a commit that was cut, each block is whole or absent. It
// may be stopped, and goes on later with what has come meanwhile.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "disk/step.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

class SimLink;

class SimAgent {
  public:
    // Called when what it tells is durable; never, if the agent dies before.
    using Answer = std::function<void(const Stepped&, ByteView)>;

    SimAgent(SimWorld& world, Platter& platter, const Faults& faults, Watch& watch)
        : world_(world), platter_(platter), faults_(faults), watch_(watch) {}

    void connect(SimLink& link);
    void step(SimLink& from, std::uint64_t block, ByteView request, Rank rank, Answer answer);
    // Plain blocks, such as those of the slot table; `late`: their sender has given them up.
    void write(SimLink& from, std::uint64_t first, ByteView content, bool late, Answer answer);
    void read(Extent blocks, Answer answer);
    void watch(std::uint64_t block, Rank beyond, Answer answer);
    // ceiling-C1: what it lets clients do who may not format; without it there is no ceiling.
    std::function<std::uint64_t()> ceiling;

    void restart();  // all connections break, and what was not durable is lost
    Instant stopped_until{};  // it does nothing before

    Platter& platter() const { return platter_; }

  private:
    struct Unsaved {
        Bytes content;
        SimLink* by = nullptr;
        Landing how = Landing::sound;
    };
    struct Watcher {
        std::uint64_t block;
        Rank beyond;
        Answer answer;
    };

    ByteView present(std::uint64_t block) const;
    void answer_durably(Extent blocks, std::function<void()> answer);
    void commit_at(Instant when);
    void commit();
    void save(std::uint64_t block, const Unsaved& unsaved);

    SimWorld& world_;
    Platter& platter_;
    const Faults& faults_;
    Watch& watch_;
    std::map<std::uint64_t, Unsaved> unsaved_;
    std::vector<std::function<void()>> answers_;  // due with the next commit
    std::vector<Watcher> watchers_;
    std::vector<SimLink*> links_;
    bool committing_ = false;  // a commit is due
    std::uint64_t lives_ = 0;
};

}  // namespace diskpaxos::sim
