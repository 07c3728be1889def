// Agreement: what the disks say together of one cell, each looked at once. Pure.
//
// One pass over passive disks is no read (algorithms.md 4.5): the value of the highest accepted
// rank is the one that may be committed, and whether it is can only be told by a commit mark that
// names it, or by a second pass that finds no promise above it on disks that have it. An active
// disk that has it has made that check itself.
#pragma once

#include <string>
#include <vector>

#include "quorum/rule.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// What one disk showed of a cell. It owns what a RowSummary only points to.
struct Glimpse {
    bool present = false;  // the disk is there
    bool read = false;     // and has answered
    bool forbidden = false;  // its keeper does not let us see this register
    Damage damage = Damage::none;
    Rank promised;
    Rank accepted;
    Rank committed;
    Bytes record;

    bool counts() const { return read && damage == Damage::none; }
};
Glimpse glimpse(ByteView row, const RowAddress& address);

enum class DiskSays : std::uint8_t {
    agrees,      // has the winning value
    behind,      // an older one: it missed writes
    damaged,     // its row is not whole, and does not count
    unreadable,  // an I/O error, or no answer in time
    absent,
    forbidden,   // not for us to see
};
const char* describe(DiskSays says);

enum class Standing : std::uint8_t {
    committed,    // and current, when it was looked at
    moving,       // a change is on its way or was left half done: it may still become another
    no_majority,  // too few disks count: it may be out of date
};
const char* describe(Standing standing);

struct Agreement {
    Standing standing = Standing::no_majority;
    Rank rank;  // of the winning value; none: never written
    Bytes record;
    std::vector<DiskSays> disks;

    DiskSet having() const;  // the disks that have it
};

// Where no quorum counts, damaged rows are listened to as well, for want of better.
Agreement agreement(const std::vector<const Glimpse*>& disks, const QuorumRule& rule);

// The second pass: whether this row, read later on a disk of having(), still lets the value stand.
bool confirms(ByteView row, const RowAddress& address, const Agreement& found);

}  // namespace diskpaxos
