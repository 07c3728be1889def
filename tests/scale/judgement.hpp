// What the notes of a crowd come to: whether anybody was told what cannot be, and how long it took.
#pragma once

#include <cstdint>
#include <vector>

#include "scale/notes.hpp"

namespace diskpaxos::scale {

struct Judgement {
    std::uint64_t operations = 0;  // that were answered
    std::uint64_t cut_off = 0;     // changes whose client was killed
    std::uint64_t unknown = 0;     // changes that were said to be of unknown outcome
    std::uint64_t undecided = 0;   // that were said to have had no effect
    unsigned histories = 0;        // with anything in them
    unsigned not_linearizable = 0;
    unsigned longest = 0;        // operations in the longest history
    unsigned wrong_sums = 0;     // of names whose version or sum is not what was acknowledged
    std::uint64_t changes = 0;   // acknowledged
    std::uint64_t versions = 0;  // that the names have in the end
    bool checker_has_teeth = false;
    std::vector<double> gets;  // milliseconds, sorted
    std::vector<double> changes_took;

    bool fine() const {
        return not_linearizable == 0 && wrong_sums == 0 && checker_has_teeth && histories > 0;
    }
};

Judgement judge(const Notes& notes, const Order& order);

}  // namespace diskpaxos::scale
