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

// ---- 4e: the lineage ----

class Lineage : public ActiveDisks {
  protected:
    static constexpr std::size_t length = 8;

    std::unique_ptr<Cell> mine = bed.cell_of(p);
    std::unique_ptr<Cell> theirs = bed.cell_of(q);

    static Verdict append_x(const CellView& base, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(base.value.begin(), base.value.end());
        draft.value.push_back(static_cast<std::byte>('x'));
        return Verdict::write;
    }
    ChangeOutcome change(Cell& cell) { return bed.run(cell.change(append_x, bed.soon())); }
    // A change of ours of which nobody can tell, but that has happened on one disk.
    void lose_the_answer() {
        ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
        bed.moods("dff");
        ASSERT_TRUE(std::holds_alternative<Unsettled>(change(*mine)));
        bed.heal();
    }
    void others_change(std::size_t times) {
        for (std::size_t n = 0; n < times; ++n) {
            ASSERT_TRUE(std::holds_alternative<Committed>(change(*theirs)));
        }
    }
    void so_many_others_change(std::size_t many) {
        for (std::size_t n = 0; n < many; ++n) {
            const auto one = bed.cell_of(q, 100 + n);
            ASSERT_TRUE(std::holds_alternative<Committed>(change(*one)));
        }
    }
    static Verdict append_m(const CellView& base, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(base.value.begin(), base.value.end());
        draft.value.push_back(static_cast<std::byte>('m'));
        return Verdict::write;
    }
    // Begins a change of ours; its outcome is in `mine_ended` when it is over.
    Task<void> append_ours(Repeat repeat) {
        const ChangeFn f = append_m;
        const ChangeOutcome outcome = co_await mine->change(f, bed.soon(), repeat);
        mine_ended = outcome;
    }
    void begin(Scope& scope, Repeat repeat = Repeat::never) {
        scope.spawn(append_ours(repeat));
        bed.queue.run_all();
        ASSERT_FALSE(mine_ended);
    }
    Committed ended() {
        for (bed.queue.run_all(); !mine_ended; bed.queue.run_all()) bed.clock.advance_to_next();
        const auto* committed = std::get_if<Committed>(&*mine_ended);
        EXPECT_NE(committed, nullptr) << "alternative " << mine_ended->index();
        return committed != nullptr ? *committed : Committed{};
    }
    // Our write is accepted on disk 0; before it comes to the others, somebody has promised more there.
    void be_overtaken_at_the_others() {
        bed.disk(1).asked = [this](const Io& io) {
            if (io.kind != Io::Kind::step) return;
            bed.disk(1).asked = nullptr;
            for (std::size_t disk = 1; disk < 3; ++disk) bed.promise(disk, 0, rank(50, q));
        };
    }
    std::optional<ChangeOutcome> mine_ended;
    Applied resolved() {
        const ResolveOutcome outcome = bed.run(mine->resolve(bed.soon()));
        return std::get<Applied>(outcome);
    }
};

TEST_F(Lineage, Rule4_2_AChangeInTheLineageWasApplied) {
    lose_the_answer();
    bed.moods("oof");  // who reads there takes it over
    others_change(length - 1);
    EXPECT_EQ(resolved(), Applied::yes);
}

TEST_F(Lineage, Rule4_2_AChangeThatIsPassedOverWasNot) {
    lose_the_answer();
    bed.moods("foo");
    others_change(length - 1);
    EXPECT_EQ(resolved(), Applied::no);
}

// What has left the lineage is neither a yes nor a no.
TEST_F(Lineage, Trap4e_WhatHasLeftTheLineageCannotBeTold) {
    lose_the_answer();
    bed.moods("oof");
    so_many_others_change(length);
    EXPECT_EQ(resolved(), Applied::cannot_tell);
}

// One entry for each process: those who are no more than the entries are told apart for ever.
TEST_F(Lineage, Rule4_1_AFewWhoChangeItAgainAndAgainStayInTheLineage) {
    lose_the_answer();
    bed.moods("oof");
    so_many_others_change(length - 2);
    others_change(10 * length);
    EXPECT_EQ(resolved(), Applied::yes);
}

// ---- what a change has made, though others took it up and followed ----

// The disks that were silent are asked again; they tell that it was applied, and by which attempt.
TEST_F(Lineage, Rule4_2_AChangeInDoubtIsSettledWhenTheDisksAreBack) {
    ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
    Scope scope(bed.queue);
    bed.moods("dff");
    begin(scope);
    bed.moods("oof");
    others_change(2);
    bed.moods("ooo");
    const Committed told = ended();
    EXPECT_TRUE(told.applied && told.exact);
    EXPECT_EQ(as_text(mine->result().value), "xm");
    EXPECT_EQ(mine->result().version, 2U);
}

// A look that shows it to be committed is an answer; nothing need be written again.
TEST_F(Lineage, Rule4_4_4b_ALookAtWhatIsCommittedIsAnAnswer) {
    ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
    Scope scope(bed.queue);
    be_overtaken_at_the_others();
    begin(scope);
    others_change(3);
    bed.queue.run_all();
    bed.take_counts();
    const Committed told = ended();
    EXPECT_TRUE(told.applied && told.exact);
    EXPECT_EQ(as_text(mine->result().value), "xm");
    EXPECT_EQ(mine->result().version, 2U);
    for (const auto& counts : bed.take_counts()) EXPECT_EQ(counts.steps, 0U);
}

// What has left the lineage is applied again only where that does no harm.
TEST_F(Lineage, Trap4e_OnlyWhatMayBeRepeatedIsRepeated) {
    for (const Repeat repeat : {Repeat::never, Repeat::while_due, Repeat::always}) {
        const std::string before = mine->view().version == 0 ? "" : std::string(as_text(mine->view().value));
        mine_ended.reset();
        Scope scope(bed.queue);
        ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
        bed.moods("dff");
        begin(scope, repeat);
        bed.moods("oof");
        so_many_others_change(length);
        bed.moods("ooo");
        for (bed.queue.run_all(); !mine_ended; bed.queue.run_all()) bed.clock.advance_to_next();
        const auto* unsettled = std::get_if<Unsettled>(&*mine_ended);
        ASSERT_EQ(unsettled != nullptr, repeat == Repeat::never);
        if (unsettled != nullptr) EXPECT_EQ(unsettled->why, Cause::lineage);
        else EXPECT_TRUE(std::get<Committed>(*mine_ended).perhaps);
        (void)resolved();
    }
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
