// Ways: the agents beside the active disks of a group, and the path of each process to each disk, of
// the kind that this disk needs. Paths outlive their processes: what was submitted still happens.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/agent.hpp"
#include "sim/draw.hpp"

namespace diskpaxos::sim {

class Ways {
  public:
    // `scsi`: active disks that know COMPARE AND WRITE only; the other active ones have an agent.
    Ways(SimWorld& world, const Faults& faults, Watch& watch, DiskSet scsi)
        : world_(world), faults_(faults), watch_(watch), scsi_(scsi) {}

    void add(Platter& platter);  // in the order of their numbers
    // Those of one more process. `cables`: of its host, by disk.
    std::vector<SimPath*> lay(const std::vector<Cable>* cables = nullptr);

    SimAgent* agent(std::size_t disk);  // null: there is none
    const std::vector<std::unique_ptr<SimPath>>& all() const { return paths_; }
    void go_on();  // agents that are stopped
    // When all is over: who still watches is told, so that every request comes to its end.
    void hang_up();

  private:
    std::unique_ptr<SimPath> path_to(Platter& platter, const Cable* cable);

    SimWorld& world_;
    const Faults& faults_;
    Watch& watch_;
    DiskSet scsi_;
    std::vector<Platter*> platters_;
    std::map<std::size_t, SimAgent> agents_;       // by disk
    std::vector<std::unique_ptr<SimPath>> paths_;  // of all that ever lived
};

}  // namespace diskpaxos::sim
