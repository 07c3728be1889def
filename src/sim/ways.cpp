#include "sim/ways.hpp"

#include "sim/caw.hpp"
#include "sim/link.hpp"

namespace diskpaxos::sim {

void Ways::add(Platter& platter) {
    platters_.push_back(&platter);
    const std::size_t disk = platter.number();
    if (!platter.geometry().active || scsi_.contains(disk)) return;
    agents_.try_emplace(disk, world_, platter, faults_, watch_);
}

SimAgent* Ways::agent(std::size_t disk) {
    const auto found = agents_.find(disk);
    return found == agents_.end() ? nullptr : &found->second;
}

std::vector<SimPath*> Ways::lay(const std::vector<Cable>* cables) {
    std::vector<SimPath*> paths;
    for (Platter* platter : platters_) {
        const Cable* cable = cables == nullptr ? nullptr : &(*cables)[platter->number()];
        paths_.push_back(path_to(*platter, cable));
        paths.push_back(paths_.back().get());
    }
    return paths;
}

std::unique_ptr<SimPath> Ways::path_to(Platter& platter, const Cable* cable) {
    if (!platter.geometry().active) {
        return std::make_unique<SimDisk>(world_, platter, faults_, watch_, cable);
    }
    SimAgent* agent = this->agent(platter.number());
    if (agent == nullptr) return std::make_unique<SimCaw>(world_, platter, faults_, watch_, cable);
    return std::make_unique<SimLink>(world_, *agent, faults_, watch_, cable);
}

void Ways::go_on() {
    for (auto& [disk, agent] : agents_) agent.stopped_until = world_.now();
}

void Ways::hang_up() {
    for (auto& path : paths_) {
        if (agents_.contains(path->platter().number())) static_cast<SimLink&>(*path).cut();
    }
}

}  // namespace diskpaxos::sim
