#include "sim/ward_swarm.hpp"

#include <algorithm>

namespace diskpaxos::sim {

WardSetup draw_ward(std::uint64_t seed) {
    SeededRandom random(seed * 2 + 1);
    const auto from = [&](unsigned least, unsigned most) {
        return least + static_cast<unsigned>(random.below(most - least + 1));
    };
    const auto sometimes = [&](unsigned strongest) {  // most runs know it not at all, or mildly
        if (!random.one_in(2)) return 0U;
        return from(1, random.one_in(4) ? strongest : std::max(1U, strongest / 5));
    };
    WardSetup setup;
    setup.disks = random.one_in(6) ? 5 : 3;
    setup.hosts = from(1, 2);
    setup.wardens = 2;
    setup.geometry.slots = setup.hosts * setup.wardens + from(0, 1);
    setup.geometry.cells = 8 + setup.geometry.slots;
    static const std::vector<std::string> all{"a", "b"};
    setup.locks.assign(all.begin(), all.begin() + (random.one_in(4) ? 2 : 1));
    setup.ttl_ms = from(150, 600);
    if (random.one_in(3)) setup.ttls = {setup.ttl_ms, setup.ttl_ms / 2, setup.ttl_ms * 2};
    setup.beyond = random.one_in(4);
    setup.drift = setup.beyond ? from(500, 100'000) : 500;

    const unsigned ttl = setup.ttl_ms;
    setup.storm = milliseconds(ttl * from(6, 16));
    setup.think = milliseconds(from(1, ttl));
    setup.hold = milliseconds(from(1, ttl));
    setup.wait = milliseconds(from(ttl / 4, 4 * ttl));
    setup.patience = milliseconds(from(ttl / 6, ttl));
    setup.readers = from(0, 700);
    setup.longest_pause = milliseconds(from(ttl / 10, 3 * ttl));
    setup.whims = milliseconds(from(ttl / 6, 2 * ttl));
    setup.breaks = random.one_in(4) ? from(1, 300) : 0;

    Faults& faults = setup.faults;
    faults.slowest = faults.quickest * from(1, random.one_in(4) ? 400 : 20);
    faults.longest_hang =
        faults.slowest + milliseconds(from(1, random.one_in(2) ? 2 * ttl : ttl / 5));
    faults.hang = sometimes(100);
    faults.write_error = sometimes(30);
    faults.read_error = sometimes(50);
    faults.garbage = sometimes(10);
    faults.crash = from(1, 10);
    faults.pause = sometimes(20);
    faults.drive_hang = sometimes(10);
    faults.drive_gone = sometimes(10);
    faults.wipe = random.one_in(4) ? 1 : 0;
    setup.majority_gone = sometimes(10);
    setup.reboot = random.one_in(8) ? 1 : 0;
    setup.jump = setup.beyond ? from(0, 5) : 0;
    return setup;
}

WardOutcome simulate_ward(std::uint64_t seed, const WardSetup& setup, bool verbose) {
    Ward ward(seed, setup, verbose);
    ward.run();
    WardOutcome outcome{ward.violation(), ward.world().trace_hash(), ward.world().steps(), {}};
    for (std::size_t i = 0; i < outcome.marks.size(); ++i) {
        outcome.marks[i] = ward.mark(static_cast<WardMark>(i));
    }
    return outcome;
}

}  // namespace diskpaxos::sim
