// Mending a block of ours: in its lane, never over a visit, and never twice at once.
#include "mend.hpp"

#include <gtest/gtest.h>

namespace diskpaxos {
namespace {

TEST(Mend, M1_AVisitIsNotUndone) {
    EXPECT_TRUE(MendPlay().a_visit_is_not_undone());
}

TEST(Mend, WhatTheOthersHaveStandsThere) {
    MendPlay play;
    play.spoil(0, play.place(MendPlay::p));
    ASSERT_TRUE(play.run(play.visit.mend(play.older())));
    EXPECT_EQ(play.ours().state, BlockState::valid);
    EXPECT_EQ(as_text(play.ours().block.value), "older");
    ASSERT_TRUE(play.run(play.visit.mend(OwnCopy())));
    EXPECT_EQ(play.ours().state, BlockState::initial);
}

// While it is under way a visit waits, and comes after it.
TEST(Mend, AVisitWaitsForIt) {
    MendPlay play;
    play.disk(0).mood = MemoryDisk::Mood::silent;
    const OwnCopy copy = play.older();
    const Own own = play.newer();
    bool mended = false;
    bool seen = false;
    Scope scope(play.queue);
    const auto mend = [](MendPlay& on, const OwnCopy& what, bool& done) -> Task<void> {
        done = co_await on.visit.mend(what);
    };
    const auto visit = [](MendPlay& on, const Own& what, bool& done) -> Task<void> {
        const Sight sight = co_await on.visit.visit(what);
        done = sight.seen();
    };
    scope.spawn(mend(play, copy, mended));
    play.queue.run_all();
    scope.spawn(visit(play, own, seen));
    play.queue.run_all();
    EXPECT_EQ(play.disk(0).counts.visits, 0U);
    play.disk(0).release();
    play.queue.run_all();
    EXPECT_TRUE(mended && seen);
    EXPECT_EQ(play.ours().block.promised, MendPlay::rank(5));
}

// 7.4: after one that failed the disk is left alone, as after a visit that failed.
TEST(Mend, AFailedOneShutsTheDisk) {
    MendPlay play;
    play.disk(0).mood = MemoryDisk::Mood::failing;
    EXPECT_FALSE(play.run(play.visit.mend(play.older())));
    play.disk(0).mood = MemoryDisk::Mood::ok;
    EXPECT_FALSE(play.run(play.visit.mend(play.older())));
    const Own own = play.newer();
    EXPECT_EQ(play.run(play.visit.visit(own)).failure.kind, Failure::Kind::quarantined);
    play.clock.advance(Testbed::ghost);
    EXPECT_TRUE(play.run(play.visit.visit(own)).seen());
}

}  // namespace
}  // namespace diskpaxos
