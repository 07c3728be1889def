// Mutants of healing in the storm (algorithms.md 7.8, 14.4): small groups on three disks that are
// often wiped and often mended. The real code passes the same seeds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "catch.hpp"
#include "group/merge.hpp"
#include "kinds.hpp"
#include "sim/colony_swarm.hpp"

namespace diskpaxos::sim {
namespace {

constexpr std::uint64_t most_seeds = 2'000;

ColonySetup mending_colony(std::uint64_t seed) {
    ColonySetup setup = draw_colony(seed);
    setup.disks = 3;
    setup.hosts = 1 + static_cast<unsigned>(seed / 4 % 2);
    setup.users = 2;
    setup.geometry.slots = 2 + static_cast<unsigned>(seed % 2);
    setup.geometry.ring = 1;
    setup.geometry.cells = 1 + static_cast<unsigned>(seed / 2 % 2);
    setup.names.assign({"a", "b"});
    setup.names.resize(setup.geometry.cells);
    setup.think = microseconds(300);
    setup.mend = 8;
    setup.reboot = 0;
    Faults& faults = setup.faults;
    faults.hang = std::max(faults.hang, 30U);
    faults.longest_hang = milliseconds(8);
    faults.whim_every = 100;
    faults.wipe = 4;
    faults.crash = 6;
    faults.drive_hang = 1;
    faults.drive_gone = seed % 2 == 1 ? 14 : 1;
    return setup;
}

ColonyOutcome mending(std::uint64_t seed) { return simulate_colony(seed, mending_colony(seed)); }

// One disk of three has an agent, or is a LUN that knows COMPARE AND WRITE.
ColonyOutcome mending_mixed(std::uint64_t seed) {
    ColonySetup setup = mending_colony(seed);
    setup.makeup.active.insert(seed % 3);
    if (seed % 5 == 0) setup.makeup.scsi.insert(seed % 3);
    trouble_agents(setup.faults);
    return simulate_colony(seed, setup);
}

ColonyOutcome drawn_mixed(std::uint64_t seed) {
    return simulate_colony(seed, draw_colony(seed, DiskKinds::mixed));
}

class HealMutant : public testing::TestWithParam<Row> {};

TEST_P(HealMutant, IsCaught) {
    expect_caught(GetParam(), most_seeds, mending);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HealMutant,
    testing::Values(Row{Mutant::heal_live_slot, "heal_live_slot"},
                    Row{Mutant::heal_from_one, "heal_from_one"},
                    Row{Mutant::heal_without_borrow, "heal_without_borrow"},
                    Row{Mutant::heal_returned_undrained, "heal_returned_undrained"},
                    Row{Mutant::heal_initial_by_half, "heal_initial_by_half"}),
    name_of_row);

// The seat of one whose predecessor's writes hang somewhere: colonies as they are drawn.
TEST(SeatMutant, AClosedDiskThatCountsIsCaught) {
    const auto drawn = [](std::uint64_t seed) { return simulate_colony(seed, draw_colony(seed)); };
    expect_caught({Mutant::closed_disk_counts, "closed_disk_counts"}, 400, drawn);
}

// Its process ends, the next one has its lock and block, and then the write lands.
TEST(SeatMutant, AFailedWriteThatIsNotToldIsCaught) {
    const auto drawn = [](std::uint64_t seed) { return simulate_colony(seed, draw_colony(seed)); };
    expect_caught({Mutant::doubt_untold, "doubt_untold"}, 1'000, drawn);
}

// On mixed disks: slots are healed on the passive ones, and locked by files for the active ones.
class HealMutantOnMixedDisks : public testing::TestWithParam<Row> {};

TEST_P(HealMutantOnMixedDisks, IsCaught) {
    expect_caught(GetParam(), most_seeds, mending_mixed, "mixed ");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HealMutantOnMixedDisks,
    testing::Values(Row{Mutant::heal_live_slot, "heal_live_slot"},
                    Row{Mutant::heal_without_borrow, "heal_without_borrow"}),
    name_of_row);

// Rules of slots, in colonies as they are drawn.
class SlotMutantOnMixedDisks : public testing::TestWithParam<Row> {};

TEST_P(SlotMutantOnMixedDisks, IsCaught) {
    expect_caught(GetParam(), 400, drawn_mixed, "mixed ");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, SlotMutantOnMixedDisks,
    testing::Values(Row{Mutant::owner_by_top, "owner_by_top"},
                    Row{Mutant::release_blind, "release_blind"},
                    Row{Mutant::copy_held, "copy_held"}),
    name_of_row);

TEST(HealMutantNone, TheRealCodePassesTheSameSeedsOnMixedDisks) {
    const Catch found = first_catch(Mutant::none, 25, mending_mixed);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

TEST(HealMutantNone, TheRealCodePassesTheSameSeeds) {
    const Catch found = first_catch(Mutant::none, 150, mending);
    EXPECT_EQ(found.seed, 0U) << found.violation;
}

// heal_by_rank needs a promise that one disk alone saw, high above what the others know, from one
// who died before it pushed anything; chance takes too long to get there. So, step by step:
//  1  p promises 6 on disk 0 (the others are gone, its attempts at 1 to 5 never landed), and dies
//  2  q has its slot now. Disk 0 is gone. q promises and pushes w at 4 on disks 1 and 2: committed
//  3  disk 2 is wiped, and healed from disks 0 and 1
// What disk 2 then says must still hold w: disks 0 and 2 are a quorum.
TEST(HealByRank, LosesACommittedValue) {
    const Proposer p = Proposer::of(0, 1);
    const Proposer q = Proposer::of(0, 2);
    const Bytes w{std::byte{'w'}};
    Decoded promised;
    promised.state = BlockState::valid;
    promised.block.incarnation = p;
    promised.block.promised = {6, p};
    Decoded pushed;
    pushed.state = BlockState::valid;
    pushed.block.incarnation = q;
    pushed.block.promised = pushed.block.accepted = {4, q};
    pushed.block.value = w;
    const std::vector<Decoded> copies{promised, pushed, Decoded()};
    const Threshold rule = Threshold::majority(3);

    const std::optional<Merge> healed = heal(copies, 2, rule);
    ASSERT_TRUE(healed);
    EXPECT_EQ(healed->block.promised, (Rank{6, p}));
    EXPECT_EQ(healed->block.accepted, (Rank{4, q}));

    active_mutant = Mutant::heal_by_rank;
    const std::optional<Merge> lost = heal(copies, 2, rule);
    active_mutant = Mutant::none;
    ASSERT_TRUE(lost);
    EXPECT_TRUE(lost->block.accepted.none()) << "the mutant is not switched on";
}

}  // namespace
}  // namespace diskpaxos::sim
