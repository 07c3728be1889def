// Mutants of sessions and locks (algorithms.md 9): wards in a weather of their own, in which disks
// are slow beside the TTL, holders die or stall and act to their last instant, and others wait. The
// real code passes the same seeds. Rules that hold each other up, and those that win less time than
// a take-over needs anyway, are played step by step in tests/lock/rule_mutant_test.cpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catch.hpp"
#include "sim/ward_swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t most_seeds = 300;

WardSetup stormy_ward(std::uint64_t seed) {
    WardSetup setup = draw_ward(seed);
    setup.disks = 3;
    setup.hosts = 1;
    setup.wardens = 3;
    setup.geometry.slots = 3 + static_cast<std::uint32_t>(seed % 2);
    setup.geometry.cells = 12;
    setup.locks = {"a"};
    setup.beyond = false;
    setup.drift = 500;
    setup.jump = setup.reboot = setup.breaks = 0;
    setup.majority_gone = 4;
    setup.ttl_ms = 200;
    setup.ttls.clear();
    if (seed % 3 == 0) setup.ttls = {200, 400};
    setup.storm = milliseconds(4'000);
    setup.think = milliseconds(30);
    setup.hold = milliseconds(100);
    setup.wait = milliseconds(1'200);
    setup.patience = milliseconds(150);
    setup.longest_pause = milliseconds(200);
    setup.whims = milliseconds(120);
    Faults& faults = setup.faults;
    faults = Faults();
    faults.slowest = milliseconds(1 + seed % 3);
    faults.longest_hang = milliseconds(190);
    faults.hang = seed % 4 == 0 ? 20 : 0;
    faults.crash = 2;
    faults.pause = 4;
    faults.drive_hang = 1;
    return setup;
}

WardOutcome guarded(std::uint64_t seed) { return simulate_ward(seed, stormy_ward(seed)); }

class LockMutant : public testing::TestWithParam<Row> {};

TEST_P(LockMutant, IsCaught) {
    const Catch found = first_catch(GetParam().mutant, most_seeds, guarded);
    fmt::print("{:<24} seed {:>5}: {}\n", GetParam().name, found.seed, found.violation);
    EXPECT_NE(found.seed, 0U) << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(Rows, LockMutant,
                         testing::Values(Row{Mutant::late_renewal_extends, "late_renewal_extends"},
                                         Row{Mutant::observe_too_short, "observe_too_short"},
                                         Row{Mutant::trust_holders_clock, "trust_holders_clock"},
                                         Row{Mutant::observe_own_ttl, "observe_own_ttl"},
                                         Row{Mutant::evict_by_opinion, "evict_by_opinion"},
                                         Row{Mutant::unclean_ignored, "unclean_ignored"},
                                         Row{Mutant::token_outside, "token_outside"},
                                         Row{Mutant::release_unheld, "release_unheld"},
                                         Row{Mutant::lock_mode_ignored, "lock_mode_ignored"},
                                         Row{Mutant::lock_epoch_ignored, "lock_epoch_ignored"},
                                         Row{Mutant::upgrade_over_readers, "upgrade_over_readers"}),
                         [](const testing::TestParamInfo<Row>& row) {
                             return std::string(row.param.name);
                         });

TEST(LockMutantNone, TheRealCodePassesTheSameSeeds) {
    const Catch found = first_catch(Mutant::none, 100, guarded);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

}  // namespace
}  // namespace diskpaxos::sim
