// Draw: what a seed decides before anything runs.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "async/random.hpp"
#include "disk/superblock.hpp"
#include "sim/faults.hpp"
#include "sim/platter.hpp"

namespace diskpaxos::sim {

class Draw {
  public:
    // `rarity`: a fault that only some runs know is known to one in so many.
    Draw(std::uint64_t seed, unsigned rarity) : random_(seed * 2 + 1), rarity_(rarity) {}

    std::uint64_t below(std::uint64_t n) { return random_.below(n); }
    unsigned from(unsigned least, unsigned most) {
        return least + static_cast<unsigned>(random_.below(most - least + 1));
    }
    bool one_in(unsigned n) { return random_.one_in(n); }
    // A fault that only some runs know; most of these know it mildly.
    unsigned sometimes(unsigned strongest) {
        if (!random_.one_in(rarity_)) return 0;
        return from(1, random_.one_in(4) ? strongest : std::max(1U, strongest / 5));
    }

  private:
    SeededRandom random_;
    unsigned rarity_;
};

Uuid draw_uuid(Random& random);

using Platters = std::vector<std::unique_ptr<Platter>>;

// What kinds a group's disks are of.
struct Makeup {
    DiskSet active;  // the others are passive
    DiskSet scsi;    // active ones that know COMPARE AND WRITE only; the others have an agent

    DiskKinds kinds(std::size_t disks) const {
        if (active.empty()) return DiskKinds::passive;
        return active.size() == disks ? DiskKinds::active : DiskKinds::mixed;
    }
};

// Nothing is drawn for passive disks, so that their seeds mean what they always meant.
Makeup draw_makeup(Draw& draw, std::size_t disks, DiskKinds kinds);
// What goes wrong between processes and agents, and with agents.
void draw_agent_faults(Draw& draw, Faults& faults);
// What storms do not know: agents that are stopped and go on, and that take long to make durable.
void draw_agent_troubles(Draw& draw, Faults& faults);

// A group that nobody has formatted yet, and as many disks for it.
Superblock draw_group(Random& random, std::string name, const Geometry& geometry,
                      std::uint32_t ttl_ms, std::size_t disks, Platters& platters,
                      DiskSet active = {});

}  // namespace diskpaxos::sim
