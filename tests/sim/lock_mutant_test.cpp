// Mutants of sessions and locks (algorithms.md 9): wards in a weather of their own, in which disks
// are slow beside the TTL, holders die or stall and act to their last instant, and others wait. The
// real code passes the same seeds. Rules that hold each other up, and those that win less time than
// a take-over needs anyway, are played step by step in tests/lock/rule_mutant_test.cpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catch.hpp"
#include "kinds.hpp"
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

// The same weather over agents, one or more, and a LUN that knows COMPARE AND WRITE in every third.
WardOutcome guarded_on(DiskKinds kinds, std::uint64_t seed) {
    WardSetup setup = stormy_ward(seed);
    setup.makeup.active = DiskSet::first(3);
    if (kinds == DiskKinds::mixed) setup.makeup.active.erase(seed % 3);
    if (kinds == DiskKinds::mixed && seed % 2 == 0) setup.makeup.active.erase((seed + 1) % 3);
    const std::size_t lun = (seed + 2) % 3;
    if (seed % 9 < 3 && setup.makeup.active.contains(lun)) setup.makeup.scsi.insert(lun);
    trouble_agents(setup.faults);
    return simulate_ward(seed, setup);
}

class LockMutant : public testing::TestWithParam<Row> {};

TEST_P(LockMutant, IsCaught) {
    expect_caught(GetParam(), most_seeds, guarded);
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
                         name_of_row);

// On active disks, and on mixed ones: those whose rules speak of disks, tokens and slots.
class LockMutantOnKinds : public testing::TestWithParam<std::tuple<DiskKinds, Row>> {};

std::string name_of(const testing::TestParamInfo<std::tuple<DiskKinds, Row>>& row) {
    const bool active = std::get<0>(row.param) == DiskKinds::active;
    return fmt::format("{}_{}", std::get<1>(row.param).name, active ? "active" : "mixed");
}

TEST_P(LockMutantOnKinds, IsCaught) {
    const auto& [kinds, row] = GetParam();
    const auto on_them = [kinds](std::uint64_t seed) { return guarded_on(kinds, seed); };
    expect_caught(row, most_seeds, on_them, kinds == DiskKinds::active ? "active " : "mixed ");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LockMutantOnKinds,
    testing::Combine(testing::ValuesIn(kinds_with_active_disks),
                     testing::Values(Row{Mutant::late_renewal_extends, "late_renewal_extends"},
                                     Row{Mutant::observe_too_short, "observe_too_short"},
                                     Row{Mutant::evict_by_opinion, "evict_by_opinion"},
                                     Row{Mutant::token_outside, "token_outside"},
                                     Row{Mutant::release_unheld, "release_unheld"},
                                     Row{Mutant::lock_mode_ignored, "lock_mode_ignored"},
                                     Row{Mutant::lock_epoch_ignored, "lock_epoch_ignored"})),
    name_of);

// Without slots no session follows a live one: there is nothing to ignore on active disks.
INSTANTIATE_TEST_SUITE_P(
    Slots, LockMutantOnKinds,
    testing::Combine(testing::Values(DiskKinds::mixed),
                     testing::Values(Row{Mutant::unclean_ignored, "unclean_ignored"})),
    name_of);

TEST(LockMutantNone, TheRealCodePassesTheSameSeedsOnActiveAndMixedDisks) {
    for (const DiskKinds kinds : kinds_with_active_disks) {
        const Catch found = first_catch(
            Mutant::none, 20, [kinds](std::uint64_t seed) { return guarded_on(kinds, seed); });
        EXPECT_EQ(found.seed, 0U) << option_of(kinds) << found.violation;
    }
}

TEST(LockMutantNone, TheRealCodePassesTheSameSeeds) {
    const Catch found = first_catch(Mutant::none, 100, guarded);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

}  // namespace
}  // namespace diskpaxos::sim
