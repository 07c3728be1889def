#include "sim/colony_swarm.hpp"

#include <algorithm>

#include "sim/draw.hpp"

namespace diskpaxos::sim {

namespace {

// What makes claims hard: ways that are cut, writes that land late, wipes in the middle. And half
// of these colonies are slow: a claim can be settled, and its slot used again, before the calm.
void draw_hard_claims(Draw& draw, ColonySetup& setup) {
    Faults& faults = setup.faults;
    setup.cut = draw.sometimes(12);
    setup.mute = draw.sometimes(6);
    setup.ambush = faults.wipe > 0 ? draw.sometimes(8) : 0;
    if (draw.one_in(2)) {
        faults.ghost = draw.from(20, 400);
        faults.longest_ghost = milliseconds(draw.one_in(2) ? draw.from(10, 200) : 15'000);
        faults.drain = milliseconds(29'000);  // of 30 s (group/seat.hpp)
    }
    if (draw.one_in(2)) return;
    faults.drain = milliseconds(29'000);
    setup.storm = std::chrono::seconds(draw.from(60, 240));
    setup.absence = std::chrono::seconds(draw.from(1, 45));
    setup.patience = std::chrono::seconds(draw.from(1, 4));  // who settles waits longer
    setup.think = milliseconds(draw.from(500, 4'000));
    setup.mend = std::max(setup.mend, draw.from(2, 8));
    faults.whim_every = draw.from(50, 400);
}

}  // namespace

ColonySetup draw_colony(std::uint64_t seed, DiskKinds kinds) {
    Draw draw(seed, 2);
    ColonySetup setup;
    setup.disks = draw.one_in(5) ? 5 : 3;
    setup.hosts = draw.from(1, 3);
    setup.users = draw.from(1, 2);
    setup.geometry.slots = std::max(draw.from(2, 4), setup.hosts);
    setup.geometry.ring = draw.from(1, 2);
    setup.geometry.cells = draw.from(1, 3);
    static const std::vector<std::string> all{"a", "b", "!c", "d"};
    const auto names = static_cast<std::ptrdiff_t>(draw.from(1, 4));
    setup.names.assign(all.begin(), all.begin() + names);
    setup.operations = draw.from(2, 10);
    setup.think = microseconds(draw.from(1, 3000));
    Faults& faults = setup.faults;
    faults.slowest = faults.quickest * draw.from(1, 10);
    faults.longest_hang = milliseconds(draw.from(1, 40));  // claims bear 10 ms
    faults.hang = draw.sometimes(100);
    faults.write_error = draw.sometimes(30);
    faults.read_error = draw.sometimes(50);
    faults.garbage = draw.sometimes(10);
    faults.whim_every = draw.from(100, 1500);
    faults.crash = draw.from(0, 10);
    faults.pause = draw.sometimes(10);
    faults.drive_hang = draw.sometimes(5);
    faults.drive_gone = draw.sometimes(5);
    faults.wipe = draw.one_in(5) ? 0 : draw.from(1, 6);
    setup.mend = draw.from(0, 8);
    setup.reboot = draw.one_in(4) ? 1 : 0;
    if (setup.geometry.slots > 1 && draw.one_in(2)) setup.geometry.tier = 1;
    // Drawn last: where none of it is drawn, a seed is what it was before there was any of it.
    if (draw.one_in(2)) draw_hard_claims(draw, setup);
    setup.makeup = draw_makeup(draw, setup.disks, kinds);
    if (kinds == DiskKinds::passive) {
        if (draw.one_in(2)) setup.keeper = draw.from(200, 1000);
        return setup;
    }
    draw_agent_faults(draw, faults);
    draw_agent_troubles(draw, faults);
    return setup;
}

ColonyOutcome simulate_colony(std::uint64_t seed, const ColonySetup& setup, bool verbose) {
    Colony colony(seed, setup, verbose);
    colony.run();
    ColonyOutcome outcome{
        colony.violation(), colony.world().trace_hash(), colony.world().steps(), {},
        colony.met_on_the_way()};
    for (std::size_t i = 0; i < outcome.marks.size(); ++i) {
        outcome.marks[i] = colony.mark(static_cast<ColonyMark>(i));
    }
    return outcome;
}

}  // namespace diskpaxos::sim
