// What became of a change, where nobody has a slot: algorithms.md 4.1, 4.2, 4.4 rows 4b and 4e.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class InTheLineage : public PaperTest {
  protected:
    InTheLineage() : PaperTest(DiskSet::first(3)) {}

    static constexpr std::size_t length = 15;

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
    // Our write is accepted on disk 0; before it comes to the others, somebody has promised more
    // there.
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

TEST_F(InTheLineage, Rule4_2_AChangeInTheLineageWasApplied) {
    lose_the_answer();
    bed.moods("oof");  // who reads there takes it over
    others_change(length - 1);
    EXPECT_EQ(resolved(), Applied::yes);
}

TEST_F(InTheLineage, Rule4_2_AChangeThatIsPassedOverWasNot) {
    lose_the_answer();
    bed.moods("foo");
    others_change(length - 1);
    EXPECT_EQ(resolved(), Applied::no);
}

// What has left the lineage is neither a yes nor a no.
TEST_F(InTheLineage, Trap4e_WhatHasLeftTheLineageCannotBeTold) {
    lose_the_answer();
    bed.moods("oof");
    so_many_others_change(length);
    EXPECT_EQ(resolved(), Applied::cannot_tell);
}

// One entry for each process: those who are no more than the entries are told apart for ever.
TEST_F(InTheLineage, Rule4_1_AFewWhoChangeItAgainAndAgainStayInTheLineage) {
    lose_the_answer();
    bed.moods("oof");
    so_many_others_change(length - 2);
    others_change(10 * length);
    EXPECT_EQ(resolved(), Applied::yes);
}

// ---- what a change has made, though others took it up and followed ----

// The disks that were silent are asked again; they tell that it was applied, and by which attempt.
TEST_F(InTheLineage, Rule4_2_AChangeInDoubtIsSettledWhenTheDisksAreBack) {
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

// Two attempts, on different bases; others take up the first one. Its draft is the result, not the
// second one's.
TEST_F(InTheLineage, Rule4_2_TheResultIsThatOfTheAttemptThatWasApplied) {
    mine = bed.cell_of(r);
    ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
    bed.queue.run_all();
    const Block before = bed.block(1, 0).block;
    Scope scope(bed.queue);
    bed.moods("dff");
    begin(scope);  // the first attempt, on disk 0
    const Rank lower =
        rank(before.accepted.round + 1, q);  // and somebody else's below it, on disk 2
    const Bytes base(before.value.begin(), before.value.end());
    Bytes record;
    bed.format().succeed(record, base, before.accepted.round,
                         {2, CellState::set, "", as_bytes("xq")}, lower);
    stands(2, q, lower, lower, as_text(record));
    bed.moods("foo");
    int steps = 0;
    bed.disk(1).asked = [&](const Io& io) {
        steps += io.kind == Io::Kind::step;
        if (steps == 2) bed.moods("fff");  // the second attempt's write comes nowhere
    };
    while (steps < 2) {
        bed.clock.advance_to_next();
        bed.queue.run_all();
    }
    bed.disk(1).asked = nullptr;
    bed.moods("oof");
    others_change(1);
    bed.moods("ooo");
    const Committed told = ended();
    EXPECT_TRUE(told.applied && told.exact);
    EXPECT_EQ(as_text(mine->result().value), "xm");
    EXPECT_EQ(mine->result().version, 2U);
}

// A look that shows it to be committed is an answer; nothing need be written again.
TEST_F(InTheLineage, Rule4_4_4b_ALookAtWhatIsCommittedIsAnAnswer) {
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

// The first attempt stands on one disk; a second one carries it on, and is refused everywhere. That
// says nothing of the first.
TEST_F(InTheLineage, Rule4_2_WhatWasCarriedInVainStillStandsSomewhere) {
    ASSERT_TRUE(std::holds_alternative<Committed>(change(*mine)));
    Scope scope(bed.queue);
    be_overtaken_at_the_others();
    begin(scope);
    int steps = 0;
    bed.disk(0).asked = [&](const Io& io) {
        if (io.kind != Io::Kind::step || ++steps != 2) return;  // a read, and then this write
        for (std::size_t disk = 0; disk < 3; ++disk) bed.promise(disk, 0, rank(90, q));
    };
    const Committed told = ended();
    EXPECT_GT(steps, 2);
    EXPECT_TRUE(told.applied);
    EXPECT_EQ(as_text(mine->result().value), "xm") << "once";
}

// What has left the lineage is applied again only where that does no harm.
TEST_F(InTheLineage, Trap4e_OnlyWhatMayBeRepeatedIsRepeated) {
    for (const Repeat repeat : {Repeat::never, Repeat::while_due, Repeat::always}) {
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
        if (unsettled != nullptr)
            EXPECT_EQ(unsettled->why, Cause::lineage);
        else
            EXPECT_TRUE(std::get<Committed>(*mine_ended).perhaps);
        (void)resolved();
    }
}

}  // namespace
}  // namespace diskpaxos
