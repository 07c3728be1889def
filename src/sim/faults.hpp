// Faults: which perversities a run knows, and how often. A seed draws them (swarm.hpp).
//
// Safety must hold inside the declared model (algorithms.md 14.2, last sentence), which is kept by
// a budget on disks:
//  - anywhere: errors, delays, hangs, writes that land after their error, time-out or writer's
//    death, writes lost on the way (the read-back notices), reads that fail or give garbage.
//  - frail disks, a fixed minority: what leaves blocks unreadable for good. Unknown is never
//    counted, so this is safe anywhere, but with it on a majority nobody could go on. An active
//    disk is not read back: what it has said is done, and lost, would be treachery. No two wipes of
//    one leave the same bytes: a request that restores a damaged register names its checksum.
//  - active disks: besides, messages that are lost, repeated and overtaken, connections that break,
//    agents that stop, or die and forget what was not answered. All of it is harmless anywhere.
//  - treacherous disks, those whose loss of acknowledged content the quorums mask (two quorums
//    meet in more disks than that): rolled back, stale, blank, a write repeated after newer ones.
#pragma once

#include "async/timer.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct Faults {
    bool on = true;
    DiskSet frail;
    DiskSet treacherous;

    Duration quickest = microseconds(20);  // of one write, or of one block read
    Duration slowest = microseconds(120);
    Duration row_gap = microseconds(10);  // at most, between two blocks of one row
    Duration longest_hang = milliseconds(20);

    // Per thousand I/Os, on any disk.
    unsigned hang = 0;
    unsigned write_error = 0;  // it may have landed, may land later, or never
    unsigned lost = 0;         // acknowledged, never lands
    unsigned ghost = 0;        // only of slot tables: a write lands long after its error, or answer
    Duration longest_ghost{};  // after so long a time at most
    Duration drain{};          // T_ghost: what is held longer on its way is lost; 0: no limit
    unsigned in_parts = 0;     // a block of several sectors lands in two instants
    unsigned read_error = 0;
    unsigned garbage = 0;      // what is read is not what stands there
    // On active disks.
    unsigned repeated = 0;     // a request arrives twice
    unsigned cut = 0;          // the connection breaks, and with it all that was asked
    Duration commit{};         // at most, until an agent has made durable what it did
    // On frail disks.
    unsigned torn = 0;         // only some of the sectors land
    unsigned misdirected = 0;  // lands in another block
    unsigned corrupted = 0;    // lands with flipped bits
    // On treacherous disks.
    unsigned stale = 0;        // a read gives the block as it was before its last write
    unsigned again = 0;        // a write lands a second time, later

    // Once in so many steps of the world something larger happens; 0: never. The weights say what.
    unsigned whim_every = 0;
    unsigned crash = 0;        // of a process
    unsigned pause = 0;
    unsigned drive_hang = 0;   // a disk is silent for a while
    unsigned drive_gone = 0;   // a disk fails everything for a while
    unsigned agent_restart = 0;  // active: what was not durable is lost
    unsigned agent_stop = 0;   // active: an agent does nothing for a while, and then goes on
    unsigned stranger = 0;     // active: one promises the highest rank that an agent lets him have
    unsigned wipe = 0;         // frail: zeroes or random bytes over part of it
    unsigned rot = 0;          // frail: bits of a block that stands there flip
    unsigned exchange = 0;     // frail: two disks change places for a while
    unsigned roll_back = 0;    // treacherous: an older image of the whole disk
    unsigned blank = 0;        // treacherous: a freshly formatted one in its place
};

}  // namespace diskpaxos::sim
