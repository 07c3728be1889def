// SimLink: the connection of one process to the agent of one active disk. Messages are slow, come
// twice, overtake each other; the connection breaks, and then every request that was out ends with
// an error, and may still be executed, now or later, its sender dead or alive.
#pragma once

#include <map>
#include <memory>

#include "sim/agent.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

class SimLink final : public SimPath {
  public:
    SimLink(SimWorld& world, SimAgent& agent, const Faults& faults, Watch& watch,
            const Cable* cable = nullptr);

    void cut();  // the connection breaks
    bool idle() const { return waiting_.empty(); }

  protected:
    void submit(Io& io) override;

  private:
    struct Letter {
        Io::Kind kind{};
        std::uint64_t number = 0;
        Extent blocks;
        Bytes content;
        Rank rank;
        bool missed = false;    // the agent could not be reached when it came
        bool executed = false;  // once at least
        Instant expires = Instant::max();  // a plain write: nothing holds it longer
    };
    using LetterPtr = std::shared_ptr<Letter>;

    void send(const LetterPtr& letter, Instant when);
    void post_ghost(const LetterPtr& letter);
    void arrive(const LetterPtr& letter);
    void execute(const LetterPtr& letter);
    void drop_abandoned_watches();
    void deliver(std::uint64_t number, const Stepped& stepped, const Bytes& content);
    void fail(std::uint64_t number);

    SimAgent& agent_;
    std::map<std::uint64_t, Io*> waiting_;  // by number
    std::uint64_t sent_ = 0;
    Instant broken_until_{};
};

}  // namespace diskpaxos::sim
