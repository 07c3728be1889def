// What the slots of a group are used for, counted in one way for all who tell of it. Pure.
#pragma once

#include <map>
#include <string>

#include "group/slot_table.hpp"

namespace diskpaxos {

// Each slot counts once.
struct SlotCount {
    struct Host {
        std::string name;  // as its newest entry says
        std::uint64_t since_ms = 0;
        std::uint64_t owned = 0;
        std::uint64_t lent = 0;  // borrowed for healing: while it goes on, or since it was cut short
    };

    std::uint64_t free = 0;     // anybody may claim it now
    std::uint64_t barred = 0;   // nobody's, but a claim or damage keeps everybody out (slots-R3)
    std::uint64_t unknown = 0;  // too few disks show it, or they do not agree
    std::map<Uuid, Host> hosts;

    Host of(const Uuid& host) const;
    Host others(const Uuid& than) const;  // all but this one together
    // How to call it: its name, and where others have the same one the beginning of its id as well.
    std::string call(const Uuid& host) const;
};

// "db1 (1f0c3a77)".
std::string name_and_id(const std::string& name, const Uuid& host);

SlotCount count_slots(const std::vector<SlotView>& slots);

}  // namespace diskpaxos
