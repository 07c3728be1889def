// Stories: the schedules under which rules for slots that look sound give a slot two users, or lose
// it (docs/slots.md, S1 to S9, and what its mutants need). The code must bear each; the mutant that
// a story names must not.
#pragma once

#include <vector>

#include "base/mutant.hpp"
#include "group/stage.hpp"

namespace diskpaxos::sim {

struct Story {
    const char* name;
    Mutant mutant;  // falls in it
    void (*play)(Stage&);
    std::uint32_t slots = 1;
    std::uint32_t owned = 0;  // of them, by host 0
};

const std::vector<Story>& stories();

// What a story has come to: not how, but that a slot has two users, or has lost its owner, or is
// lost to everybody. Empty if all is well.
std::string wrong_end(const Stage& stage);

}  // namespace diskpaxos::sim
