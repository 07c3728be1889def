// The first seed in which a mutant is caught, and by what.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

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

inline std::string name_of_row(const testing::TestParamInfo<Row>& row) { return row.param.name; }

// Prints where: docs/testing.md has the seeds. `on`: which disks, if that is to be said.
template <class Simulate>
void expect_caught(const Row& row, std::uint64_t most, Simulate simulate, const char* on = "") {
    const Catch found = first_catch(row.mutant, most, simulate);
    fmt::print("{:<24} {}seed {:>5}: {}\n", row.name, on, found.seed, found.violation);
    EXPECT_NE(found.seed, 0U) << row.name;
}

}  // namespace diskpaxos::sim
