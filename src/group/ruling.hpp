// Ruling: what a claim that holds a majority of the disks may write to a slot's owner blocks
// (docs/slots.md, R5). One decision per slot and claim, from one reading of all disks. Pure.
#pragma once

#include <vector>

#include "disk/slot_entry.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos {

enum class Wish : std::uint8_t {
    own,        // a host wants a slot that is free
    mend,       // a mender wants to heal it, or to settle what claims before it left behind
    release,    // a mender gives back what it borrowed
    keep,       // its host writes what it has taken again, where that is damaged or stale
    give_back,  // its host returns what it has taken and does not use
    forget,     // a person says that its host is off (slots-R12)
};

// What one disk shows in the reading that decides.
struct Showing {
    enum class Owner : std::uint8_t {
        unreached,  // an error, no answer, or absent
        damaged,
        sound,
    };
    Owner owner = Owner::unreached;
    SlotEntry entry;       // if it is sound
    bool tenure = false;   // our stamp was validated there, and still stands
    bool counts = false;   // of a tenure: its owner block was sound before our stamp as well
};

struct Petition {
    std::uint32_t slot = 0;
    Wish wish = Wish::own;
    SlotEntry mine;            // whoever asks: stamp, host, boot, name and time of this claim
    std::uint64_t before = 0;  // release: the stamp under which we borrowed it
    Uuid forgotten{};          // forget: which host
    bool settling = false;     // some stamp of ours went over another one, or over damage (R3)
};

struct Ruling {
    enum class Kind : std::uint8_t {
        write,         // `target`, on every disk of tenure that does not show it
        leave,         // the slot is not for us
        undecided,     // too few disks, or not all of them where that is needed: stamps stay
        disputed,      // two entries of one turn: timing was broken. A person must look
        dispossessed,  // what we had borrowed is not ours any more
    };
    Kind kind = Kind::undecided;
    SlotEntry target;
};

Ruling rule_on(const Petition& petition, const std::vector<Showing>& disks, const QuorumRule& rule);

}  // namespace diskpaxos
