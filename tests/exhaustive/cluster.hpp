// Cluster: how small a group is searched, what may go wrong in it, and which rule is broken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutant.hpp"
#include "disk/geometry.hpp"

namespace diskpaxos::exhaustive {

inline constexpr std::size_t max_disks = 4;
inline constexpr std::size_t max_places = 4;  // of a row
inline constexpr std::size_t max_actors = 3;
inline constexpr std::size_t max_flights = 3;  // of one actor to one disk

enum class Act : std::uint8_t {
    propose,      // consensus: adopt what is found, else our own value; retry under a higher rank
    propose_on,   // the same, and a process that has decided runs again while it has attempts
    increment,    // Cell::change: adds an amount that tells who did it
    raise_first,  // the same on the condition that the value is 0
    get,          // Cell::get
    learn,        // Register::look at proposals: a value that is certain counts as decided
};

// Whether an act works on the bare register, without a cell.
constexpr bool bare(Act act) {
    return act == Act::propose || act == Act::propose_on || act == Act::learn;
}

inline constexpr std::uint16_t no_slot = 0xffff;  // of one who only looks

constexpr std::uint8_t amount_of(std::uint16_t slot) {
    return static_cast<std::uint8_t>(1U << (3U * slot));
}

struct Role {
    std::uint16_t slot = 0;
    std::vector<Act> acts;
    unsigned attempts = 0;  // 0: as many as everybody
};

// What becomes of the writes that a process had in flight when it died. Its steps to active disks
// haunt in any case: nothing drains them.
enum class Afterlife : std::uint8_t {
    vanish,  // they never happen
    haunt,   // each may land at any later time, or never
    torn,    // one of them may land in part: the block is unknown from then on
};

enum class Fault : std::uint8_t {
    none,
    unreadable,  // all blocks of one disk become unknown, once
    blank,       // one disk silently falls back to its initial blocks, once
    rollback,    // one disk silently falls back to how it was at an earlier moment, once
    error,       // the disk answers one write with an error, and the write lands after all
};

// algorithms.md 6.2: first `written` disks hold the block, then any disks are read.
struct Barrier {
    bool used = false;
    bool held = true;           // whether the reads wait for the writes
    std::size_t written_1 = 2;  // in the phase of a read
    std::size_t written_2 = 2;  // in the phase of a write
};

struct Cluster {
    std::size_t disks = 3;
    std::size_t active = 0;  // the first so many of them are active
    std::uint32_t slots = 2;
    std::uint32_t ring = 1;
    std::size_t read = 2, write = 2, recover = 2;  // disks that suffice
    Barrier barrier;
    std::vector<Role> roles;
    unsigned attempts = 2;        // proposals: ranks that one incarnation may start
    unsigned phases = 4;          // cells: writes of its block that one incarnation may start
    unsigned crashes = 0;         // each followed by a restart
    std::uint8_t mortals = 0xff;  // who may crash: a bit per role
    bool same_ranks = false;      // a restarted process uses its predecessor's ranks again
    bool whole_recovery = false;  // a recovery reads a disk's row in one step (see search.hpp)
    Afterlife afterlife = Afterlife::vanish;
    bool fresh_place = false;  // a restarted process writes the next block of its ring
    unsigned expiries = 0;     // cells: operations that may run into their deadline
    unsigned repeats = 0;      // steps that an active disk executes once more than it should
    Fault fault = Fault::none;
    Mutant mutant = Mutant::none;

    DiskKinds kinds() const {
        if (active == 0) return DiskKinds::passive;
        return active == disks ? DiskKinds::active : DiskKinds::mixed;
    }
};

}  // namespace diskpaxos::exhaustive
