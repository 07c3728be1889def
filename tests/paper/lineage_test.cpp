// What became of a change, where nobody has a slot: algorithms.md 4.1, 4.2, 4.4 rows 4b and 4e.
#include "lineage_plays.hpp"

namespace diskpaxos {
namespace {

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

TEST_F(InTheLineage, Rule4_2_TheResultIsThatOfTheAttemptThatWasApplied) {
    EXPECT_EQ(told_of_two_attempts(), "xm");
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

TEST_F(InTheLineage, Rule4_2_WhatWasCarriedInVainStillStandsSomewhere) {
    EXPECT_EQ(told_of_a_carried_attempt(), "xm") << "once";
}

// ceiling-C3: it rises, and a step may come twice.
TEST_F(InTheLineage, C3_WhatACeilingRefusedMayYetBeApplied) {
    EXPECT_EQ(told_of_a_barred_attempt(), "xm") << "once";
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
