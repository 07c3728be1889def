#include "sim/colony_swarm.hpp"

#include <algorithm>

namespace diskpaxos::sim {

ColonySetup draw_colony(std::uint64_t seed) {
    SeededRandom random(seed * 2 + 1);
    const auto from = [&](unsigned least, unsigned most) {
        return least + static_cast<unsigned>(random.below(most - least + 1));
    };
    const auto sometimes = [&](unsigned strongest) {  // most runs know it not at all, or mildly
        if (!random.one_in(2)) return 0U;
        return from(1, random.one_in(4) ? strongest : std::max(1U, strongest / 5));
    };
    ColonySetup setup;
    setup.disks = random.one_in(5) ? 5 : 3;
    setup.hosts = from(1, 3);
    setup.users = from(1, 2);
    setup.geometry.slots = std::max(from(2, 4), setup.hosts);
    setup.geometry.ring = from(1, 2);
    setup.geometry.cells = from(1, 3);
    static const std::vector<std::string> all{"a", "b", "!c", "d"};
    const auto names = static_cast<std::ptrdiff_t>(from(1, 4));
    setup.names.assign(all.begin(), all.begin() + names);
    setup.operations = from(2, 10);
    setup.think = microseconds(from(1, 3000));
    Faults& faults = setup.faults;
    faults.slowest = faults.quickest * from(1, 10);
    faults.longest_hang = milliseconds(from(1, 40));  // claims bear 10 ms
    faults.hang = sometimes(100);
    faults.write_error = sometimes(30);
    faults.read_error = sometimes(50);
    faults.garbage = sometimes(10);
    faults.whim_every = from(100, 1500);
    faults.crash = from(0, 10);
    faults.pause = sometimes(10);
    faults.drive_hang = sometimes(5);
    faults.drive_gone = sometimes(5);
    faults.wipe = random.one_in(5) ? 0 : from(1, 6);
    setup.mend = from(0, 8);
    setup.reboot = random.one_in(4) ? 1 : 0;
    return setup;
}

ColonyOutcome simulate_colony(std::uint64_t seed, const ColonySetup& setup, bool verbose) {
    Colony colony(seed, setup, verbose);
    colony.run();
    ColonyOutcome outcome{
        colony.violation(), colony.world().trace_hash(), colony.world().steps(), {}};
    for (std::size_t i = 0; i < outcome.marks.size(); ++i) {
        outcome.marks[i] = colony.mark(static_cast<ColonyMark>(i));
    }
    return outcome;
}

}  // namespace diskpaxos::sim
