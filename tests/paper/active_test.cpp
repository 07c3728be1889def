// The rules of active disks, in our own words: algorithms.md 3.3, 4.4, 4.5, 6.3, and 7.1 for groups
// of which only some disks are active.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class ActiveDisks : public PaperTest {
  protected:
    ActiveDisks() : PaperTest(DiskSet::first(3)) {}

    Block registered(std::size_t disk) { return bed.block(disk, 0).block; }
};

// ---- 3.3: one record, and who may change it ----

TEST_F(ActiveDisks, Rule3_3_AReadPromisesAndAWriteIsAccepted) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    bed.queue.run_all();
    EXPECT_EQ(registered(0).promised, rank(3, p));
    EXPECT_TRUE(registered(0).accepted.none());
    ASSERT_EQ(wrote(*reg, rank(3, p), "v"), "written");
    bed.queue.run_all();
    EXPECT_EQ(registered(0).accepted, rank(3, p));
    EXPECT_EQ(as_text(registered(0).value), "v");
}

// One visit is one step: nothing is read apart, nothing is written apart.
TEST_F(ActiveDisks, Rule3_3_APhaseIsOneStepPerDisk) {
    auto reg = bed.recovered(p);
    bed.take_counts();
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    bed.queue.run_all();
    for (const auto& counts : bed.take_counts()) {
        EXPECT_EQ(counts, (MemoryDisk::Counts{.steps = 1}));
    }
}

TEST_F(ActiveDisks, Rule3_3_ALowerReadIsRefused) {
    stands_everywhere(q, rank(5, q));
    auto reg = bed.recovered(p);
    EXPECT_EQ(found(*reg, rank(4, p)), "refused");
    EXPECT_EQ(reg->highest(), rank(5, q));
}

// The promise and what was accepted: always the higher one.
TEST_F(ActiveDisks, Rule3_3_AWriteBelowAPromiseIsRefused) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(4, p)), "");
    stands_everywhere(q, rank(5, q));
    EXPECT_EQ(wrote(*reg, rank(4, p), "v"), "refused");
    for (std::size_t disk = 0; disk < 3; ++disk) EXPECT_TRUE(registered(disk).accepted.none());
}

// Ranks of one round are ordered by proposer; being equal in round is not being equal.
TEST_F(ActiveDisks, Rule3_3_TheProposerDecidesWithinARound) {
    auto low = bed.recovered(p);
    auto high = bed.recovered(q);
    ASSERT_EQ(found(*high, rank(4, q)), "");
    EXPECT_EQ(found(*low, rank(4, p)), "refused");
}

// A write that is late has its effect, or is refused; never does it undo a later one.
TEST_F(ActiveDisks, Rule3_3_ALateWriteOfTheDeadIsRefusedOrAdopted) {
    auto dead = bed.recovered(p);
    ASSERT_EQ(found(*dead, rank(3, p)), "");
    bed.moods("...");
    ASSERT_EQ(wrote(*dead, rank(3, p), "late"), "unavailable");
    dead.reset();
    bed.disk(0).release();  // there it is taken before anybody else comes
    bed.moods("oo.");
    auto other = bed.recovered(q);
    ASSERT_EQ(found(*other, rank(5, q)), "late");
    ASSERT_EQ(wrote(*other, rank(5, q), "after it"), "written");
    bed.disk(2).release();  // and there after
    bed.queue.run_all();
    EXPECT_EQ(as_text(registered(0).value), "after it");
    EXPECT_NE(as_text(registered(1).value), "late");
    EXPECT_EQ(found(*other, rank(7, q)), "after it");
}

// Two values under one rank: somebody uses a rank that is not his. Whoever notices stops.
TEST_F(ActiveDisks, Rule2_4_F4_TwoValuesOfOneRankStopTheWriter) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    stands(0, p, rank(3, p), rank(3, p), "another");
    EXPECT_EQ(wrote(*reg, rank(3, p), "v"), "usurped");
}

TEST_F(ActiveDisks, Trap2c_ADamagedRegisterIsNotInitial) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    ASSERT_EQ(wrote(*reg, rank(3, p), "v"), "written");
    bed.queue.run_all();
    for (std::size_t disk = 0; disk < 2; ++disk) bed.spoil(disk, 0);
    auto other = bed.register_of(q);
    EXPECT_EQ(looked(*other), "unavailable");
}

// ---- 6.3: the next rank along with the write ----

TEST_F(ActiveDisks, Rule6_3_AWritePromisesTheNextRank) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    ASSERT_EQ(wrote(*reg, rank(3, p), "first", rank(7, p)), "written");
    auto other = bed.recovered(q);
    EXPECT_EQ(found(*other, rank(5, q)), "refused");
    bed.take_counts();
    EXPECT_EQ(wrote(*reg, rank(7, p), "second"), "written");
    EXPECT_EQ(bed.take_counts()[0].steps, 1U);
}

TEST_F(ActiveDisks, Rule6_3_AReadAboveTheNextRankRefusesIt) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    ASSERT_EQ(wrote(*reg, rank(3, p), "first", rank(7, p)), "written");
    auto other = bed.recovered(q);
    ASSERT_EQ(found(*other, rank(8, q)), "first");
    EXPECT_EQ(wrote(*reg, rank(7, p), "second"), "refused");
}

// ---- 4.5: reads that write nothing ----

// A quorum agrees: one pass, whatever has been promised since.
TEST_F(ActiveDisks, Rule4_5_AQuorumThatAgreesIsBelieved) {
    for (std::size_t disk = 0; disk < 2; ++disk) stands(disk, q, rank(9, r), rank(3, q), "v");
    bed.moods("oof");
    auto reg = bed.register_of(p);
    bed.take_counts();
    EXPECT_EQ(looked(*reg), "v");
    EXPECT_EQ(bed.take_counts()[0], (MemoryDisk::Counts{.reads = 1}));
}

TEST_F(ActiveDisks, Rule4_5_OneDiskAloneIsNot) {
    stands(0, q, rank(3, q), rank(3, q), "v");
    auto reg = bed.register_of(p);
    EXPECT_EQ(looked(*reg), "open");
}

// One that lagged behind may have caught up when it is asked again.
TEST_F(ActiveDisks, Rule4_5_ALaggardIsAskedAgain) {
    stands(0, q, rank(3, q), rank(3, q), "v");
    bed.disk(1).after_read = [&] { stands(1, q, rank(3, q), rank(3, q), "v"); };
    bed.moods("oof");
    auto reg = bed.register_of(p);
    EXPECT_EQ(looked(*reg), "v");
}

// ---- watches ----

TEST_F(ActiveDisks, AWatchEndsWithTheNextWrite) {
    auto writer = bed.recovered(p);
    auto reader = bed.recovered(q);
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    bool told = false;
    Scope scope(bed.queue);
    const auto wait = [](Register& reg, Instant until, bool& out) -> Task<void> {
        out = co_await reg.watch(Rank(), until);
    };
    scope.spawn(wait(*reader, bed.soon(), told));
    bed.queue.run_all();
    EXPECT_FALSE(told);
    ASSERT_EQ(wrote(*writer, rank(3, p), "news"), "written");
    bed.queue.run_all();
    EXPECT_TRUE(told);
}

// ---- 7.1: phase 0 where only disk 0 is active ----

class MixedDisks : public PaperTest {
  protected:
    MixedDisks() : PaperTest(DiskSet::first(1)) {}

    Rank above(const Register& reg) { return next_rank(reg.highest(), reg.me()); }
    // p's first incarnation writes "v" at 3, on the active disk and on disk 1 only.
    void write_on_two() {
        auto reg = bed.recovered(p);
        bed.moods("oof");
        ASSERT_EQ(found(*reg, rank(3, p)), "");
        ASSERT_EQ(wrote(*reg, rank(3, p), "v"), "written");
        bed.heal();
    }
};

TEST_F(MixedDisks, Rule3_4_EachDiskIsAskedInItsOwnWay) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    bed.queue.run_all();
    bed.take_counts();
    ASSERT_EQ(wrote(*reg, rank(3, p), "v"), "written");
    bed.queue.run_all();
    const auto counts = bed.take_counts();
    EXPECT_EQ(counts[0], (MemoryDisk::Counts{.steps = 1}));
    EXPECT_EQ(counts[1], (MemoryDisk::Counts{.visits = 1}));
    EXPECT_EQ(counts[2], (MemoryDisk::Counts{.visits = 1}));
}

// The active disk has no block of ours, but what it has accepted stands in for it.
TEST_F(MixedDisks, Rule7_1_WhatAnActiveDiskHasAcceptedIsCarried) {
    write_on_two();
    bed.moods("ofo");  // the new one finds its block on disk 2, as it was before
    auto reborn = bed.recovered(p, 2);
    ASSERT_EQ(found(*reborn, above(*reborn)), "v");
    bed.queue.run_all();
    EXPECT_EQ(as_text(block(2, p).value), "v");
    bed.moods("foo");
    bed.clock.advance(Testbed::ghost);
    EXPECT_EQ(found(*reborn, above(*reborn)), "v");
}

// No passive disk is written before the active one has promised: a step of the dead may come after
// the look.
TEST_F(MixedDisks, Rule7_1_APassiveDiskIsWrittenOnlyWhenPhase0IsSettled) {
    write_on_two();
    bed.moods("oof");
    auto reborn = bed.recovered(p, 2);  // by the active disk and disk 1
    bed.moods(".o.");
    bed.take_counts();
    EXPECT_EQ(found(*reborn, above(*reborn)), "unavailable");
    EXPECT_EQ(bed.take_counts()[1].visits, 0U);
    EXPECT_EQ(block(1, p).promised, rank(3, p));
    bed.disk(0).release();
    bed.disk(2).release();
    bed.heal();
    EXPECT_EQ(found(*reborn, above(*reborn)), "v");
}

// Nor is the active one needed, where the passive disks suffice.
TEST_F(MixedDisks, Rule7_1_PassiveDisksThatSufficeNeedNoPromise) {
    write_on_two();
    bed.moods("foo");
    auto reborn = bed.recovered(p, 2);
    EXPECT_EQ(found(*reborn, above(*reborn)), "v");
}

// One incarnation is not another, in whichever place: a promise of the successor is not set aside.
TEST_F(MixedDisks, Rule4_5_ASuccessorsPromiseStandsAgainstTheValueOfTheDead) {
    stands(0, p, rank(3, p), rank(3, p), "of the dead");
    stands(1, p, rank(3, p), rank(3, p), "of the dead");
    bed.moods("oof");
    auto reader = bed.register_of(q);
    const Rank later{5, Proposer::of(p, 2)};
    bed.disk(1).after_read = [&] { stands(1, p, later, later, "of the living"); };
    EXPECT_EQ(looked(*reader), "open");
}

// The value was shown by the active disk first: the promise of whoever has place 0 counts all the same.
TEST_F(MixedDisks, Rule4_5_NobodyElsesPromiseIsSetAside) {
    stands(0, q, rank(3, q), rank(3, q), "v");
    stands(1, q, rank(3, q), rank(3, q), "v");
    stands(1, p, rank(2, p), rank(2, p), "older");
    bed.moods("oof");
    auto reader = bed.register_of(r);
    bed.disk(1).after_read = [&] { stands(1, p, rank(5, p), rank(2, p), "older"); };
    EXPECT_EQ(looked(*reader), "open");
}

}  // namespace
}  // namespace diskpaxos
