// The first seed in which a mutant is caught, and by what.
#pragma once

#include <string>

#include "base/mutant.hpp"

namespace diskpaxos::sim {

struct Catch {
    std::uint64_t seed = 0;  // 0: not caught
    std::string violation;
};

// `simulate`: of a seed, ends with an outcome that has a violation, or an empty one.
template <class Simulate>
Catch first_catch(Mutant mutant, std::uint64_t most, Simulate simulate) {
    active_mutant = mutant;
    Catch found;
    for (std::uint64_t seed = 1; seed <= most && found.seed == 0; ++seed) {
        const auto outcome = simulate(seed);
        if (!outcome.violation.empty()) found = {seed, outcome.violation};
    }
    active_mutant = Mutant::none;
    return found;
}

struct Row {
    Mutant mutant;
    const char* name;
};

}  // namespace diskpaxos::sim
