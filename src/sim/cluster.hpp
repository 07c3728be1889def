// Cluster: platters, processes and the storm around them. A run has two parts: in the storm
// anything that the faults allow may happen at any step; in the calm that follows every operation
// of every live process must end well, in bounded time (P14, P16). Safety is judged throughout.
//
// A process that died comes back as a new incarnation, with a rank space of its own, at a place
// that no write of an earlier user can still reach: its old block once that is so, another one at
// once (algorithms.md 7.2, 7.5). Two live processes never share a slot.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/invariants.hpp"
#include "sim/process.hpp"
#include "sim/ways.hpp"

namespace diskpaxos::sim {

class Cluster final : public Surroundings, public Watch {
  public:
    Cluster(std::uint64_t seed, const Setup& setup, bool verbose);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    ~Cluster() override;

    void run();  // the storm, the calm, the verdict

    const std::string& violation() const { return invariants_.violation(); }
    SimWorld& world() { return world_; }
    const Platter& platter(std::size_t disk) const { return *platters_[disk]; }
    std::vector<Instant> finish_times() const { return finish_times_; }

  private:
    struct Host {
        std::unique_ptr<Process> process;  // none while it is down
        Place last_place = no_place;
        std::uint64_t incarnation = 0;
        Proposer last_proposer;
    };

    void stepped(const Process& process, const Step& step) override;
    void told(const Process& process, std::uint32_t cell, std::size_t operation) override;
    void wrong(std::string what) override { invariants_.violate(std::move(what)); }
    void left(const Process& process) override;
    void landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) override;
    void overlapped(const SimPath& path, std::uint64_t block) override;
    void executed(const SimPath& path, std::uint32_t cell, const Block& block) override;
    void came_across(const SimPath& path, Mark mark) override;

    // The life of hosts.
    void start(unsigned host);
    std::optional<Place> draw_place(Host& host);
    std::vector<SimPath*> new_paths(unsigned host);
    bool free(Place place) const;
    std::vector<Place> free_places() const;
    void crash(unsigned host);
    void pause(unsigned host);

    // The storm.
    void storm();
    void whim();
    void intrude(SimAgent& agent);
    void harm_frail(Platter& platter, unsigned what);
    void exchange(Platter& one, Platter& other);
    void take_image(Platter& platter);
    void calm_down();
    void await_calm();
    void judge();
    std::vector<std::uint64_t> lineage(std::uint32_t cell) const;
    Platter* pick(DiskSet disks);
    bool everyone_finished();
    bool going_on() const { return violation().empty() || setup.shared_place; }
    void say(const std::string& what) const;

    SimWorld world_;
    bool verbose_;
    Faults faults_;
    Invariants invariants_;
    std::vector<std::unique_ptr<Platter>> platters_;
    Ways ways_;
    std::map<const SimPath*, unsigned> host_of_;
    std::map<Place, std::vector<SimPath*>> users_;    // paths of the last user of a place
    std::map<std::size_t, Bytes> images_;             // older images of platters
    std::pair<Platter*, Platter*> exchanged_{};
    std::vector<Instant> finish_times_;               // per host
    std::uint64_t intrusions_ = 0;
    unsigned arrived_ = 0;                            // processes that have ever started
    std::map<std::pair<unsigned, Rank>, unsigned> dropped_;  // disks that left a phase
    std::vector<Host> hosts_;  // last: processes die first
};

}  // namespace diskpaxos::sim
