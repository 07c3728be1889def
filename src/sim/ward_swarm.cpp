#include "sim/ward_swarm.hpp"

#include <algorithm>

#include "sim/draw.hpp"

namespace diskpaxos::sim {

WardSetup draw_ward(std::uint64_t seed, DiskKinds kinds) {
    Draw draw(seed, 2);
    WardSetup setup;
    setup.disks = draw.one_in(6) ? 5 : 3;
    setup.hosts = draw.from(1, 2);
    setup.wardens = 2;
    setup.geometry.slots = setup.hosts * setup.wardens + draw.from(0, 1);
    setup.geometry.cells = 8 + setup.geometry.slots;
    static const std::vector<std::string> all{"a", "b"};
    setup.locks.assign(all.begin(), all.begin() + (draw.one_in(4) ? 2 : 1));
    setup.ttl_ms = draw.from(150, 600);
    if (draw.one_in(3)) setup.ttls = {setup.ttl_ms, setup.ttl_ms / 2, setup.ttl_ms * 2};
    setup.beyond = draw.one_in(4);
    setup.drift = setup.beyond ? draw.from(500, 100'000) : 500;

    const unsigned ttl = setup.ttl_ms;
    setup.storm = milliseconds(ttl * draw.from(6, 16));
    setup.think = milliseconds(draw.from(1, ttl));
    setup.hold = milliseconds(draw.from(1, ttl));
    setup.wait = milliseconds(draw.from(ttl / 4, 4 * ttl));
    setup.patience = milliseconds(draw.from(ttl / 6, ttl));
    setup.readers = draw.from(0, 700);
    setup.longest_pause = milliseconds(draw.from(ttl / 10, 3 * ttl));
    setup.whims = milliseconds(draw.from(ttl / 6, 2 * ttl));
    setup.breaks = draw.one_in(4) ? draw.from(1, 300) : 0;

    Faults& faults = setup.faults;
    faults.slowest = faults.quickest * draw.from(1, draw.one_in(4) ? 400 : 20);
    faults.longest_hang =
        faults.slowest + milliseconds(draw.from(1, draw.one_in(2) ? 2 * ttl : ttl / 5));
    faults.hang = draw.sometimes(100);
    faults.write_error = draw.sometimes(30);
    faults.read_error = draw.sometimes(50);
    faults.garbage = draw.sometimes(10);
    faults.crash = draw.from(1, 10);
    faults.pause = draw.sometimes(20);
    faults.drive_hang = draw.sometimes(10);
    faults.drive_gone = draw.sometimes(10);
    faults.wipe = draw.one_in(4) ? 1 : 0;
    setup.majority_gone = draw.sometimes(10);
    setup.reboot = draw.one_in(8) ? 1 : 0;
    setup.jump = setup.beyond ? draw.from(0, 5) : 0;
    // Drawn last: the seeds of passive wards mean what they always meant.
    setup.makeup = draw_makeup(draw, setup.disks, kinds);
    if (kinds == DiskKinds::passive) return setup;
    draw_agent_faults(draw, faults);
    draw_agent_troubles(draw, faults);
    // A step of COMPARE AND WRITE alone is four messages: a session must have the time to be renewed.
    const Duration shortest = milliseconds(setup.ttls.empty() ? ttl : ttl / 2);
    faults.slowest = std::min(faults.slowest, shortest / 20);
    return setup;
}

WardOutcome simulate_ward(std::uint64_t seed, const WardSetup& setup, bool verbose) {
    Ward ward(seed, setup, verbose);
    ward.run();
    WardOutcome outcome{ward.violation(), ward.world().trace_hash(), ward.world().steps(), {},
                        ward.met_on_the_way()};
    for (std::size_t i = 0; i < outcome.marks.size(); ++i) {
        outcome.marks[i] = ward.mark(static_cast<WardMark>(i));
    }
    return outcome;
}

}  // namespace diskpaxos::sim
