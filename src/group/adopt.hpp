// Adopting disks that were named and not recognised: a disk whose superblocks are gone still is a
// disk of the group, and can be healed as one once it is known which.
#pragma once

#include <optional>
#include <vector>

#include "group/assemble.hpp"

namespace diskpaxos {

// Which disks of the group the strangers among those named are: by a block that survived, or
// because only one is missing. They become members; their superblocks are healed last.
class Adoption {
  public:
    struct Adopted {
        std::size_t index = 0;
        bool by_elimination = false;  // nothing on it says so: look at what else is on it first
    };

    Adoption(World& world, Roster& roster) : world_(world), roster_(roster) {}
    Task<Result<std::vector<Adopted>>> run();

  private:
    Task<std::optional<std::size_t>> recognise(Disk& disk);
    Result<std::size_t> only_missing(const Disk& disk) const;

    World& world_;
    Roster& roster_;
};

}  // namespace diskpaxos
