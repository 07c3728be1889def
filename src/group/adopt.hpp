// Adopting disks that were named and not recognised: a disk whose superblocks are gone still is a
// disk of the group, and can be healed as one once it is known which.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "group/assemble.hpp"

namespace diskpaxos {

// Which disks of the group the strangers among those named are. A block that survived tells. One on
// which nothing tells is left alone, unless somebody says whose place it is to have: by being the
// only one missing it would get the number and the UUID of a disk that may still exist, and then two
// disks would vote as one. Those adopted become members; their superblocks are healed last.
class Adoption {
  public:
    struct Adopted {
        std::size_t index = 0;
        bool by_word = false;  // nothing on it says so: look at what else is on it first
    };
    struct Left {
        std::string name;
        std::string why;
        bool blank = false;  // it could have the place of a disk that is lost
    };
    struct Outcome {
        std::vector<Adopted> adopted;
        std::vector<Left> left;
    };

    // `replaced`: whose place a disk gets on which nothing tells, if there is exactly one.
    Adoption(World& world, Roster& roster, std::optional<std::size_t> replaced = std::nullopt)
        : world_(world), roster_(roster), replaced_(replaced) {}
    Task<Outcome> run();

  private:
    Task<std::optional<std::size_t>> recognise(Disk& disk);
    std::string unfit(Disk& disk, bool active) const;
    std::string adopt(Disk& disk, std::size_t index, bool by_word);

    World& world_;
    Roster& roster_;
    std::optional<std::size_t> replaced_;
    Outcome outcome_;
};

}  // namespace diskpaxos
