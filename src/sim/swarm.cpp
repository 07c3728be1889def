#include "sim/swarm.hpp"

#include <algorithm>

#include "sim/cluster.hpp"
#include "sim/draw.hpp"

namespace diskpaxos::sim {

namespace {

DiskSet some_disk(Draw& draw, std::size_t disks) {
    DiskSet set;
    set.insert(draw.below(disks));
    return set;
}

// Which disks may be harmed how: the budget of faults.hpp.
void draw_disks(Draw& draw, Setup& setup) {
    static constexpr std::size_t sizes[] = {3, 3, 3, 3, 4, 4, 5, 5, 1};
    setup.disks = sizes[draw.below(std::size(sizes))];
    setup.quorum = setup.disks / 2 + 1;
    Faults& faults = setup.faults;
    switch (setup.disks) {
        case 1: break;
        case 3: faults.frail = some_disk(draw, 3); break;
        case 4: faults.frail = faults.treacherous = some_disk(draw, 4); break;
        case 5:
            if (draw.one_in(2)) {
                setup.quorum = 4;  // two quorums meet in three: one liar is masked
                faults.frail = faults.treacherous = some_disk(draw, 5);
            } else {
                faults.frail = some_disk(draw, 5) | some_disk(draw, 5);
            }
            break;
        default: UNREACHABLE();
    }
    setup.lose_a_disk = draw.one_in(4);
    if (draw.one_in(8)) {  // damage anywhere: safe, but nothing more
        faults.frail = DiskSet::first(setup.disks);
        setup.liveness = false;
    }
}

void draw_faults(Draw& draw, Faults& faults) {
    faults.slowest = faults.quickest * draw.from(1, 10);
    if (draw.one_in(3)) faults.row_gap = microseconds(draw.from(10, 300));
    faults.longest_hang = milliseconds(draw.from(1, 20));
    faults.hang = draw.sometimes(100);
    faults.write_error = draw.sometimes(100);
    faults.lost = draw.sometimes(100);
    faults.in_parts = draw.sometimes(500);
    faults.read_error = draw.sometimes(100);
    faults.garbage = draw.sometimes(30);
    faults.torn = draw.sometimes(100);
    faults.misdirected = draw.sometimes(50);
    faults.corrupted = draw.sometimes(50);
    faults.stale = draw.sometimes(100);
    faults.again = draw.sometimes(200);
    faults.whim_every = draw.one_in(6) ? 0 : draw.from(50, 1000);
    faults.crash = draw.sometimes(20) + draw.sometimes(5);
    faults.pause = draw.sometimes(10);
    faults.drive_hang = draw.sometimes(10);
    faults.drive_gone = draw.sometimes(10);
    faults.wipe = draw.sometimes(5);
    faults.rot = draw.sometimes(5);
    faults.exchange = draw.sometimes(5);
    faults.roll_back = draw.sometimes(10);
    faults.blank = draw.sometimes(5);
}

// Which disks are active, and what that adds.
void draw_kinds(Draw& draw, Setup& setup, DiskKinds kinds) {
    if (kinds == DiskKinds::passive) return;
    const Makeup makeup = draw_makeup(draw, setup.disks, kinds);
    setup.active = makeup.active;
    setup.scsi = makeup.scsi;
    draw_agent_faults(draw, setup.faults);
    setup.mends = draw.one_in(3) ? draw.from(100, 700) : 0;
    setup.geometry.roomy = kinds == DiskKinds::active && draw.one_in(2);
}

}  // namespace

Setup draw_setup(std::uint64_t seed, DiskKinds kinds) {
    Draw draw(seed, 3);
    Setup setup;
    setup.geometry.block_size = draw.one_in(5) ? 4096 : 512;
    setup.geometry.slots = draw.from(3, 5);
    setup.geometry.ring = draw.from(1, 2);
    setup.geometry.cells = draw.from(1, 2);
    setup.processes = draw.from(2, setup.geometry.slots);
    setup.operations = draw.from(2, 8);
    setup.weight_get = draw.from(0, 4);
    setup.weight_add = draw.from(1, 4);
    setup.weight_swap = draw.from(0, 3);
    setup.weight_propose = draw.from(0, 2);
    setup.think = microseconds(draw.from(1, 3000));
    setup.patience = microseconds(draw.from(50, 1000));
    setup.rereads = draw.from(0, 2);
    setup.hurried = draw.one_in(2) ? draw.from(0, 500) : 0;
    draw_disks(draw, setup);
    draw_faults(draw, setup.faults);
    draw_kinds(draw, setup, kinds);
    return setup;
}

Setup draw_tiers(std::uint64_t seed) {
    Draw draw(seed ^ 0xd00e, 3);
    Setup setup = draw_setup(seed, draw.one_in(4) ? DiskKinds::mixed : DiskKinds::passive);
    setup.geometry.tier = draw.from(1, 2);
    setup.processes = setup.geometry.slots;
    setup.faults.row_gap = microseconds(draw.from(1, 300));
    return setup;
}

Setup draw_ceilings(std::uint64_t seed, DiskKinds kinds) {
    Setup setup = draw_setup(seed, kinds);
    setup.scsi = {};  // those have no keeper
    setup.mends = 0;  // who mends may format, and has no ceiling
    setup.lose_a_disk = false;
    constexpr std::uint64_t shapes[][5] = {
        {400, 10, 10, 400, 10}, {10, 200, 900, 10, 10}, {1, 1, 1, 1, 1}, {2'000, 1'000, 10, 10, 10}};
    const auto& shape = shapes[seed % std::size(shapes)];
    setup.ceilings.assign(shape, shape + setup.disks);
    setup.faults.stranger = 30;
    if (setup.faults.whim_every == 0) setup.faults.whim_every = 200;
    setup.liveness_bound = std::chrono::seconds(10);
    return setup;
}

Setup draw_crowd(std::uint64_t seed, unsigned visitors) {
    Setup setup = draw_setup(seed, DiskKinds::active);
    Draw draw(seed ^ 0xc0de, 3);
    setup.visitors = visitors;
    setup.processes = draw.from(3, 6);
    setup.operations = draw.from(1, 3);
    setup.think = microseconds(draw.from(1, 300));
    setup.faults.longest_hang = milliseconds(1);
    setup.faults.crash = draw.from(0, 3);
    setup.faults.whim_every = draw.from(100, 1000);
    return setup;
}

Outcome simulate(std::uint64_t seed, const Setup& setup, bool verbose) {
    Cluster cluster(seed, setup, verbose);
    cluster.run();
    return {cluster.violation(), cluster.world().trace_hash(), cluster.world().steps(),
            cluster.marks};
}

}  // namespace diskpaxos::sim
