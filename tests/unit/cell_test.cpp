// Cell: change, get, resolve; what they promise, and what they cost.
#include "consensus/cell.hpp"

#include <gtest/gtest.h>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

using Counts = MemoryDisk::Counts;

Verdict increment(const CellView& base, Draft& draft) {
    const std::uint64_t count = base.value.empty() ? 0 : load<std::uint64_t>(base.value, 0);
    draft.state = CellState::set;
    draft.value.assign(8, std::byte{0});
    store<std::uint64_t>(draft.value, 0, count + 1);
    return Verdict::write;
}

// Compare and set: writes `to` only if the value is `from`.
ChangeFn swap(std::string_view from, std::string_view to) {
    return [from, to](const CellView& base, Draft& draft) {
        return as_text(base.value) == from ? set_to(to)(base, draft) : Verdict::keep;
    };
}

// Consensus: the first value stays.
ChangeFn decide(std::string_view value) {
    return [value](const CellView& base, Draft& draft) {
        if (base.state == CellState::decided) return Verdict::keep;
        set_to(value)(base, draft);
        draft.state = CellState::decided;
        return Verdict::write;
    };
}

class CellTest : public testing::Test {
  protected:
    Testbed bed{3};
    std::unique_ptr<Cell> a = bed.cell_of(0), b = bed.cell_of(1);

    ChangeOutcome change(Cell& cell, const ChangeFn& f) { return bed.run(cell.change(f, bed.soon())); }
    GetOutcome get(Cell& cell) { return bed.run(cell.get(bed.soon())); }
    ResolveOutcome resolve(Cell& cell) { return bed.run(cell.resolve(bed.soon())); }

    std::string_view text(const Cell& cell) { return as_text(cell.view().value); }
    std::uint64_t count(const Cell& cell) { return load<std::uint64_t>(cell.view().value, 0); }
    bool applied(const ChangeOutcome& outcome) {
        const auto* committed = std::get_if<Committed>(&outcome);
        return committed != nullptr && committed->applied;
    }
    // Lets everything that is on its way arrive, and counts from here.
    void settle() {
        bed.queue.run_all();
        bed.take_counts();
    }
    std::vector<Counts> cost() {
        bed.queue.run_all();
        return bed.take_counts();
    }
    static std::vector<Counts> each(unsigned reads, unsigned visits) {
        return {3, Counts{.reads = reads, .writes = 0, .visits = visits}};
    }
};

// ---- what it does ----

TEST_F(CellTest, IsUnsetAtFirst) {
    ASSERT_TRUE(std::holds_alternative<Committed>(get(*a)));
    EXPECT_EQ(a->view().version, 0U);
    EXPECT_EQ(a->view().state, CellState::unset);
}

TEST_F(CellTest, ShowsEveryoneWhatWasChanged) {
    ASSERT_TRUE(applied(change(*a, set_to("apple"))));
    EXPECT_EQ(text(*a), "apple");
    ASSERT_TRUE(std::holds_alternative<Committed>(get(*b)));
    EXPECT_EQ(text(*b), "apple");
    EXPECT_EQ(b->view().version, 1U);
    ASSERT_TRUE(applied(change(*b, set_to("pear"))));
    ASSERT_TRUE(std::holds_alternative<Committed>(get(*a)));
    EXPECT_EQ(text(*a), "pear");
    EXPECT_EQ(a->view().version, 2U);
}

TEST_F(CellTest, CountsEveryIncrementOnceWhoeverMakesIt) {
    for (int turn = 0; turn < 20; ++turn) {
        ASSERT_TRUE(applied(change(turn % 3 == 0 ? *b : *a, increment)));
    }
    ASSERT_TRUE(std::holds_alternative<Committed>(get(*b)));
    EXPECT_EQ(count(*b), 20U);
    EXPECT_EQ(b->view().version, 20U);
}

TEST_F(CellTest, WritesOnlyIfTheConditionIsMet) {
    change(*a, set_to("apple"));
    EXPECT_FALSE(applied(change(*b, swap("plum", "pear"))));
    EXPECT_EQ(text(*b), "apple");  // the value that was in the way is told
    EXPECT_EQ(b->view().version, 1U);
    EXPECT_TRUE(applied(change(*b, swap("apple", "pear"))));
    EXPECT_EQ(text(*b), "pear");
}

TEST_F(CellTest, DecidesOnce) {
    EXPECT_TRUE(applied(change(*a, decide("apple"))));
    EXPECT_FALSE(applied(change(*b, decide("pear"))));
    EXPECT_EQ(text(*b), "apple");
    EXPECT_FALSE(applied(change(*a, decide("plum"))));
    EXPECT_EQ(text(*a), "apple");
}

TEST_F(CellTest, RefusesAValueThatIsTooLongAndKeepsTheOld) {
    change(*a, set_to("apple"));
    const std::string long_text(bed.format().capacity() + 1, 'x');
    const ChangeOutcome outcome = change(*a, set_to(long_text));
    ASSERT_TRUE(std::holds_alternative<TooLong>(outcome));
    EXPECT_EQ(std::get<TooLong>(outcome).capacity, bed.format().capacity());
    get(*b);
    EXPECT_EQ(text(*b), "apple");
    EXPECT_TRUE(applied(change(*a, set_to(std::string_view(long_text).substr(1)))));
}

TEST_F(CellTest, HoldsNothingThatThisProgramDidNotWrite) {
    auto reg = bed.recovered(2);
    const Rank rank{1, reg->me()};
    bed.run(reg->read(rank, bed.soon()));
    bed.run(reg->write(rank, as_bytes("no record"), rank, bed.soon()));
    EXPECT_TRUE(std::holds_alternative<Damaged>(get(*a)));
    EXPECT_TRUE(std::holds_alternative<Damaged>(change(*a, set_to("apple"))));
}

TEST_F(CellTest, TwoAtOnceBothSucceed) {
    std::optional<bool> done[2];
    const ChangeFn f = increment;
    const auto one = [](Cell& cell, const ChangeFn& g, Instant by, std::optional<bool>& d) -> Task<void> {
        const ChangeOutcome outcome = co_await cell.change(g, by);
        d = std::holds_alternative<Committed>(outcome);
    };
    Scope scope(bed.queue);
    scope.spawn(one(*a, f, bed.soon(), done[0]));
    scope.spawn(one(*b, f, bed.soon(), done[1]));
    for (bed.queue.run_all(); !done[0] || !done[1]; bed.queue.run_all()) bed.clock.advance_to_next();
    EXPECT_TRUE(*done[0] && *done[1]);
    get(*a);
    EXPECT_EQ(count(*a), 2U);
    EXPECT_GE(bed.trace.count(Step::Kind::backed_off), 1U);  // they did collide
}

TEST_F(CellTest, OfOneProcessRunsOneOperationAtATime) {
    std::optional<ChangeOutcome> first, second;
    const ChangeFn f = increment;
    const auto one = [](Cell& cell, const ChangeFn& g, Instant by,
                        std::optional<ChangeOutcome>& out) -> Task<void> {
        const ChangeOutcome outcome = co_await cell.change(g, by);
        out = outcome;
    };
    Scope scope(bed.queue);
    scope.spawn(one(*a, f, bed.soon(), first));
    scope.spawn(one(*a, f, bed.soon(), second));
    bed.queue.run_all();
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(applied(*first) && applied(*second));
    EXPECT_EQ(count(*a), 2U);
    EXPECT_EQ(bed.trace.count(Step::Kind::backed_off), 0U);
}

// ---- what it does when it cannot ----

TEST_F(CellTest, ProposesNothingWhenTooFewDisksAnswer) {
    bed.moods("off");
    EXPECT_TRUE(std::holds_alternative<Undecided>(change(*a, set_to("apple"))));
    EXPECT_TRUE(std::holds_alternative<Undecided>(get(*a)));
    bed.moods("ooo");
    get(*b);
    EXPECT_EQ(b->view().version, 0U);
}

TEST_F(CellTest, IsUnsettledAfterAWriteThatTooFewAnswered) {
    change(*a, set_to("apple"));
    bed.moods("o..");
    EXPECT_TRUE(std::holds_alternative<Unsettled>(change(*a, set_to("pear"))));
}

TEST_F(CellTest, ResolvesToYesWhatWasTakenUp) {
    change(*a, increment);
    bed.moods("...");
    ASSERT_TRUE(std::holds_alternative<Unsettled>(change(*a, increment)));
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).release();  // now it lands
    change(*b, increment);
    EXPECT_EQ(count(*b), 3U);  // another took it up
    const ResolveOutcome outcome = resolve(*a);
    ASSERT_TRUE(std::holds_alternative<Applied>(outcome));
    EXPECT_EQ(std::get<Applied>(outcome), Applied::yes);
    EXPECT_EQ(count(*a), 3U);
}

TEST_F(CellTest, ResolvesToNoWhatWasOvertaken) {
    change(*a, increment);
    bed.moods("fff");
    ASSERT_TRUE(std::holds_alternative<Unsettled>(change(*a, increment)));
    bed.heal();
    change(*b, increment);  // commits at a higher rank without it
    EXPECT_EQ(count(*b), 2U);
    const ResolveOutcome outcome = resolve(*a);
    ASSERT_TRUE(std::holds_alternative<Applied>(outcome));
    EXPECT_EQ(std::get<Applied>(outcome), Applied::no);
    EXPECT_EQ(count(*a), 2U);
    get(*b);
    EXPECT_EQ(count(*b), 2U);  // and it stays a no
}

TEST_F(CellTest, SettlesTheLastChangeBeforeTheNext) {
    change(*a, increment);
    bed.moods("fff");
    ASSERT_TRUE(std::holds_alternative<Unsettled>(change(*a, increment)));
    bed.heal();
    ASSERT_TRUE(applied(change(*a, increment)));
    EXPECT_EQ(count(*a), 3U);  // each once: the unsettled one was its own, and nobody was faster
    EXPECT_EQ(std::get<Applied>(resolve(*a)), Applied::yes);
}

// What it made is told, though another took it up and followed before we could ask.
TEST_F(CellTest, TellsItsOwnResultThoughOthersFollowed) {
    change(*a, increment);
    bed.moods("dff");  // on disk 0 it happens
    std::optional<ChangeOutcome> told;
    const ChangeFn f = increment;
    const auto one = [](Cell& cell, const ChangeFn& g, Instant by,
                        std::optional<ChangeOutcome>& out) -> Task<void> {
        const ChangeOutcome outcome = co_await cell.change(g, by);
        out = outcome;
    };
    Scope scope(bed.queue);
    scope.spawn(one(*a, f, bed.clock.now() + 4 * Testbed::ghost, told));
    bed.queue.run_all();
    ASSERT_FALSE(told);  // in doubt, so it asks again
    bed.moods("oof");
    change(*b, increment);
    change(*b, increment);
    bed.moods("ooo");
    for (bed.queue.run_all(); !told; bed.queue.run_all()) bed.clock.advance_to_next();
    ASSERT_TRUE(applied(*told));
    EXPECT_TRUE(std::get<Committed>(*told).exact);
    EXPECT_EQ(load<std::uint64_t>(a->result().value, 0), 2U);
    EXPECT_EQ(a->result().version, 2U);
    EXPECT_EQ(count(*a), 4U);
    ASSERT_TRUE(applied(change(*a, increment)));
    EXPECT_EQ(load<std::uint64_t>(a->result().value, 0), 5U);
}

// ---- what it costs (design section 5): looks and visits, on each of the three disks ----

TEST_F(CellTest, AColdChangeCostsOneLookAndTwoPhases) {
    change(*a, set_to("apple"));
    EXPECT_EQ(cost(), each(1, 2));
}

TEST_F(CellTest, TheSameProcessAgainCostsOnePhase) {
    change(*a, increment);
    settle();
    for (int turn = 0; turn < 5; ++turn) {
        ASSERT_TRUE(applied(change(*a, increment)));
        EXPECT_EQ(cost(), each(0, 1)) << turn;
    }
}

TEST_F(CellTest, AnUnmetConditionCostsAPhaseToo) {  // it is told only after a commit (4.4, 4c)
    change(*a, set_to("apple"));
    settle();
    EXPECT_FALSE(applied(change(*a, swap("plum", "pear"))));
    EXPECT_EQ(cost(), each(0, 1));
}

TEST_F(CellTest, AfterAnotherItCostsARefusedPhaseAndALookMore) {
    change(*a, set_to("apple"));
    change(*b, set_to("pear"));
    settle();
    change(*a, set_to("plum"));
    EXPECT_EQ(cost(), each(1, 3));  // the fast path, refused; a look after the pause; both phases
}

TEST_F(CellTest, AReadByTheOwnerCostsOneLook) {
    change(*a, set_to("apple"));
    settle();
    get(*a);
    EXPECT_EQ(cost(), each(1, 0));
    EXPECT_EQ(text(*a), "apple");
}

TEST_F(CellTest, AReadByAnotherCostsTwoLooksAndOneWhenItKnowsTheCommit) {
    change(*a, set_to("apple"));
    settle();
    get(*b);
    // The second look goes only to the majority that the first one found.
    EXPECT_EQ(cost(), (std::vector<Counts>{{2, 0, 0}, {2, 0, 0}, {1, 0, 0}}));
    get(*b);
    EXPECT_EQ(cost(), each(1, 0));
    EXPECT_EQ(text(*b), "apple");
}

TEST_F(CellTest, AReadWhileSomethingIsInMotionIsWritten) {
    change(*a, set_to("apple"));
    bed.promise(0, bed.place(2), {50, Proposer::of(2, 1)});
    bed.promise(1, bed.place(2), {50, Proposer::of(2, 1)});
    settle();
    ASSERT_TRUE(std::holds_alternative<Committed>(get(*b)));
    EXPECT_EQ(text(*b), "apple");
    EXPECT_GE(cost()[0].visits, 2U);
}

// ---- what others write ----

// Somebody has accepted a value and promised nothing along with it, which no program of ours does. Its
// round is then the very round at which we read: no fault of ours, and no reason to stop.
TEST(CellAmongStrangers, AValueInTheRoundOfTheReadIsBegunAboveAnew) {
    for (const DiskSet active : {DiskSet(), DiskSet::first(3)}) {
        Testbed bed(3, Testbed::small, active);
        const auto cell = bed.cell_of(3);
        (void)bed.run(cell->glance(bed.soon()));
        const Rank stranger{1, Proposer::of(0, 1)};
        Bytes record;
        const CellView said{1, CellState::set, "", as_bytes("stranger")};
        bed.format().succeed(record, {}, 0, said, stranger);
        for (const std::size_t disk : {1U, 2U}) {
            bed.put(disk, bed.place(0), {.incarnation = stranger.proposer, .seq = 1,
                                         .promised = stranger, .accepted = stranger,
                                         .committed = {}, .value = record});
        }
        const ChangeOutcome outcome = bed.run(cell->change(set_to("ours"), bed.soon()));
        ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
        EXPECT_EQ(cell->view().version, 2U);
        EXPECT_EQ(as_text(cell->view().value), "ours");
    }
}

}  // namespace
}  // namespace diskpaxos
