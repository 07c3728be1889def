// Mutants in the storm: the simulator must catch deliberate errors too (algorithms.md 14.4), with
// the same seeds and the same checks that the real code passes. tests/exhaustive has the table;
// what needs a storm, or many steps, is found here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catch.hpp"
#include "sim/swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t most_seeds = 3'000;

Outcome stormy(std::uint64_t seed) { return simulate(seed); }

class MutantInTheStorm : public testing::TestWithParam<Row> {};

TEST_P(MutantInTheStorm, IsCaught) {
    expect_caught(GetParam(), most_seeds, stormy);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MutantInTheStorm,
    testing::Values(Row{Mutant::read_not_gated, "read_not_gated"},
                    Row{Mutant::no_read_after_write, "no_read_after_write"},
                    Row{Mutant::block_zeroed, "block_zeroed"},
                    Row{Mutant::forget_own_block, "forget_own_block"},
                    Row{Mutant::unknown_as_initial, "unknown_as_initial"},
                    Row{Mutant::no_lane, "no_lane"},
                    Row{Mutant::stale_answer_counted, "stale_answer_counted"},
                    Row{Mutant::highest_promised, "highest_promised"},
                    Row{Mutant::fast_path_blind, "fast_path_blind"},
                    Row{Mutant::fast_path_unpromised, "fast_path_unpromised"},
                    Row{Mutant::no_operation_check, "no_operation_check"},
                    Row{Mutant::answer_without_commit, "answer_without_commit"},
                    Row{Mutant::unmet_without_commit, "unmet_without_commit"},
                    Row{Mutant::read_highest, "read_highest"},
                    Row{Mutant::owner_reads_blindly, "owner_reads_blindly"},
                    Row{Mutant::old_block_ignored, "old_block_ignored"}),
    name_of_row);

// The rules of active disks, on groups of them, on groups of both kinds, and among many clients.
Outcome on_active(std::uint64_t seed) { return simulate(seed, draw_setup(seed, DiskKinds::active)); }
Outcome on_mixed(std::uint64_t seed) { return simulate(seed, draw_setup(seed, DiskKinds::mixed)); }
Outcome bounded(std::uint64_t seed) {
    return simulate(seed, draw_ceilings(seed, DiskKinds::active));
}
Outcome in_crowd(std::uint64_t seed) { return simulate(seed, draw_crowd(seed, 300)); }

// Disks that fall silent, so that ranks rise on one of them alone, which is damaged and healed again
// and again, by whoever comes next.
Outcome while_healed(std::uint64_t seed) {
    Setup setup;
    setup.active = DiskSet::first(3);
    setup.processes = 5;
    setup.operations = 12;
    setup.think = microseconds(300);
    setup.mends = 600;
    setup.hurried = 600;
    Faults& faults = setup.faults;
    faults.frail.insert(0);
    faults.longest_hang = milliseconds(4);
    faults.whim_every = 40;
    faults.wipe = 3;
    faults.crash = 3;
    faults.drive_hang = 4;
    return simulate(seed, setup);
}

struct ActiveRow {
    Row row;
    Outcome (*simulate)(std::uint64_t seed);
};

class MutantOnActiveDisks : public testing::TestWithParam<ActiveRow> {};

TEST_P(MutantOnActiveDisks, IsCaught) {
    const auto& [row, run] = GetParam();
    expect_caught(row, most_seeds, run);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MutantOnActiveDisks,
    testing::Values(
        ActiveRow{{Mutant::step_forgets_promise, "step_forgets_promise"}, on_active},
        ActiveRow{{Mutant::refused_by_one_is_all, "refused_by_one_is_all"}, in_crowd},
        ActiveRow{{Mutant::settled_by_any_look, "settled_by_any_look"}, in_crowd},
        ActiveRow{{Mutant::step_keeps_promise, "step_keeps_promise"}, on_active},
        ActiveRow{{Mutant::step_promise_lowered, "step_promise_lowered"}, on_active},
        ActiveRow{{Mutant::step_equal_round, "step_equal_round"}, on_active},
        ActiveRow{{Mutant::step_unknown_as_initial, "step_unknown_as_initial"}, on_active},
        ActiveRow{{Mutant::answer_before_durable, "answer_before_durable"}, on_active},
        ActiveRow{{Mutant::caw_retried_blindly, "caw_retried_blindly"}, on_active},
        ActiveRow{{Mutant::lost_is_no, "lost_is_no"}, on_active},
        ActiveRow{{Mutant::rank_reused_at_restart, "rank_reused_at_restart"}, on_active},
        ActiveRow{{Mutant::look_at_one_active, "look_at_one_active"}, on_active},
        ActiveRow{{Mutant::register_not_carried, "register_not_carried"}, on_mixed},
        ActiveRow{{Mutant::walked_from_the_past, "walked_from_the_past"}, bounded},
        ActiveRow{{Mutant::foreseen_is_news, "foreseen_is_news"}, bounded},
        ActiveRow{{Mutant::lineage_forgotten, "lineage_forgotten"}, in_crowd}),
    [](const testing::TestParamInfo<ActiveRow>& row) { return std::string(row.param.row.name); });

// The rules of doors, on rows that have them.
Outcome with_doors(std::uint64_t seed) { return simulate(seed, draw_tiers(seed)); }

// One disk rots, block by block, and the two others are rarely there at the same time.
Outcome with_rotten_doors(std::uint64_t seed) {
    Setup setup;
    setup.geometry = {.block_size = 512, .slots = 2, .ring = 1, .cells = 1, .tier = 1};
    setup.processes = 2;
    setup.operations = 20;
    setup.think = microseconds(500);
    setup.rereads = 0;
    Faults& faults = setup.faults;
    faults.frail.insert(0);
    faults.hang = 100;
    faults.read_error = 150;
    faults.whim_every = 100;
    faults.rot = 200;
    return simulate(seed, setup);
}

struct Behind {
    Row row;
    Outcome (*simulate)(std::uint64_t seed);
};
class MutantBehindDoors : public testing::TestWithParam<Behind> {};

TEST_P(MutantBehindDoors, IsCaught) {
    const auto& [row, run] = GetParam();
    expect_caught(row, most_seeds, run);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MutantBehindDoors,
    testing::Values(Behind{{Mutant::door_unheeded, "door_unheeded"}, with_doors},
                    Behind{{Mutant::door_opened_late, "door_opened_late"}, with_doors},
                    Behind{{Mutant::door_damage_closed, "door_damage_closed"}, with_rotten_doors}),
    [](const testing::TestParamInfo<Behind>& row) { return std::string(row.param.row.name); });

TEST(MutantBehindDoorsNone, TheRealCodeStandsInTheSameStorm) {
    const Catch found = first_catch(Mutant::none, 300, with_rotten_doors);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

TEST(MutantOnActiveDisksNone, TheRealCodeHealsInTheSameStorm) {
    const Catch found = first_catch(Mutant::none, 300, while_healed);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

// These do not get as far as a violation: a CHECK of the code itself stops them.
TEST(MutantInTheStormDeathTest, AChosenRefusedRowIsStopped) {
    EXPECT_DEATH(first_catch(Mutant::refused_rows_chosen, most_seeds, stormy), "round > base_round");
}
TEST(MutantInTheStormDeathTest, AReadThatIsNotComparedIsStopped) {
    EXPECT_DEATH(first_catch(Mutant::step_checks_writes_only, most_seeds, on_active),
                 "unpromised");
}
TEST(MutantInTheStormDeathTest, AWriteBeforeRecoveryIsStopped) {
    EXPECT_DEATH(first_catch(Mutant::write_before_recovery, most_seeds, stormy), "recovered_");
}

}  // namespace
}  // namespace diskpaxos::sim
