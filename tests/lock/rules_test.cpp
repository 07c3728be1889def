#include "lock/rules.hpp"

namespace diskpaxos {
namespace {

TEST_F(Rules, AnEarlyLookConvictsNobody) {
    EXPECT_TRUE(an_early_look_convicts_nobody());
}
TEST_F(Rules, SilenceCountsFromCompletion) {
    EXPECT_TRUE(silence_counts_from_completion());
}
TEST_F(Rules, SilenceIsWatchedForAllOfT) {
    EXPECT_TRUE(silence_is_watched_for_all_of_t());
}
TEST_F(Rules, ALeaseCountsFromItsStart) {
    EXPECT_TRUE(a_lease_counts_from_its_start());
}
TEST_F(Rules, ARenewalBeatsTheEviction) {
    EXPECT_TRUE(a_renewal_beats_the_eviction());
}
TEST_F(Rules, ALateRenewalExtendsNothing) {
    EXPECT_TRUE(a_late_renewal_extends_nothing());
}

TEST_F(Rules, ATwinIsNoticed) {
    EXPECT_TRUE(a_twin_is_noticed());
}
// The machine was started again: what lives there by its word is silent.
TEST_F(Rules, AfterACrashOfTheMachineASessionOpensWithinAQuarterOfTheTtl) {
    member(0).reset();
    const Instant before = cluster.clock.now();
    EXPECT_TRUE(open_on_another_boot());
    EXPECT_GE(cluster.clock.now() - before, timing.ttl() / 4 - milliseconds(1));
    EXPECT_LE(cluster.clock.now() - before, timing.ttl() / 4 + seconds(1));
    const Instant again = cluster.clock.now();
    EXPECT_TRUE(open_on_another_boot()) << "the last one has left";
    EXPECT_LE(cluster.clock.now() - again, seconds(1));
}
// Its last renewal stands on one disk, which answers from the second look on.
TEST_F(Rules, ARenewalThatTheDeadLeftHalfDoneIsNoLife) {
    for (std::size_t whole = 0; whole < 3; ++whole) {
        auto a = member(0);
        for (std::size_t disk = 0; disk < 3; ++disk) {
            if (disk != whole) cluster.disks[disk]->mood = MemoryDisk::Mood::failing;
        }
        pass(timing.renewal() + milliseconds(200));
        a.reset();
        for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
        home.doubted.clear();
        EXPECT_TRUE(open_on_another_boot(whole)) << "it comes up after the first look, on disk " << whole;
    }
}
TEST_F(Rules, ANoteCountsFromCompletion) {
    EXPECT_TRUE(a_note_counts_from_completion());
}
TEST_F(Rules, ANoteOfAnotherBeatConvictsNobody) {
    EXPECT_TRUE(a_note_of_another_beat_convicts_nobody());
    EXPECT_EQ(took.error().code, Code::busy);
}

// Two that only try once, one after the other: the second inherits, if T has passed between them.
TEST_F(Rules, WhoTriesOnceInheritsFromTheDeadByANote) {
    auto a = member(), b = member(), c = member();
    ASSERT_TRUE(a->acquire("x"));
    a.reset();
    const std::vector<Note> notes = leave_note(*b, {});
    EXPECT_EQ(took.error().code, Code::busy);
    ASSERT_EQ(notes.size(), 1U);
    pass(timing.observe() - milliseconds(100));
    EXPECT_EQ(leave_note(*c, notes), notes);  // the same sign keeps the older time
    EXPECT_EQ(took.error().code, Code::busy);
    pass(milliseconds(100));
    EXPECT_TRUE(leave_note(*c, notes).empty());
    EXPECT_EQ(took.value_or(0), 2U);
}

// Where only those who try once come, and the host of the dead comes back in its slot: it never
// lives long enough to vouch for its predecessor.
TEST_F(Rules, ANoteTellsOfWhatWasSupersededToo) {
    auto a = member(), b = member(), c = member();
    ASSERT_TRUE(a->acquire("x"));
    const std::uint16_t slot = a->session.ref().slot;
    a.reset();
    auto again = member(slot);
    ASSERT_TRUE(again->leave());
    again.reset();
    const std::vector<Note> notes = leave_note(*b, {});
    EXPECT_EQ(took.error().code, Code::busy);
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_TRUE(notes.front().superseded);
    pass(timing.observe());
    leave_note(*c, notes);
    EXPECT_EQ(took.value_or(0), 2U);
}

// note-N5: between the look and the eviction a renewal may come.
TEST_F(Rules, ARenewalBeatsTheEvictionByANote) {
    auto a = member(), b = member();
    SessionWatch watch(cluster.world, b->process.directory, a->session.ref());
    EXPECT_EQ(look(watch), Liveness::alive);
    SessionWatch later(cluster.world, b->process.directory, a->session.ref());
    later.recall(*watch.note());
    pass(2 * timing.renewal());
    EXPECT_EQ(cluster.run(later.evict({}, cluster.soon())).value(), Liveness::alive);
    pass(2 * timing.renewal());
    EXPECT_TRUE(a->session.sound());
}

// What is not committed is seen by one look and not by the next. That is no sign of life.
TEST_F(Rules, ABeatThatFlickersIsNoNews) {
    auto a = member();
    const SessionRef dead = a->session.ref();
    cluster.disks[1]->mood = cluster.disks[2]->mood = MemoryDisk::Mood::failing;
    pass(timing.renewal() + milliseconds(10));  // one attempt, which lands on one disk only
    a.reset();
    cluster.disks[1]->mood = cluster.disks[2]->mood = MemoryDisk::Mood::ok;
    auto b = member();
    SessionWatch watch(cluster.world, b->process.directory, dead);
    const auto look_without = [&](std::size_t disk) {
        cluster.disks[disk]->mood = MemoryDisk::Mood::failing;
        const Liveness seen = look(watch);
        cluster.disks[disk]->mood = MemoryDisk::Mood::ok;
        return seen;
    };
    EXPECT_EQ(look_without(0), Liveness::alive);  // the beat before
    EXPECT_EQ(look_without(2), Liveness::alive);  // that one
    const Instant expires = watch.expires();
    while (cluster.clock.now() < expires) {
        pass(std::min(Duration(seconds(1)), expires - cluster.clock.now()));
        EXPECT_EQ(watch.expires(), expires);
        if (cluster.clock.now() >= expires) break;
        EXPECT_EQ(look_without(0), Liveness::alive);
        EXPECT_EQ(look_without(2), Liveness::alive);
    }
    EXPECT_EQ(look_without(0), Liveness::expired);
}

// A successor that lives by a shorter TTL must not shorten the wait for its predecessor.
TEST_F(Rules, APredecessorIsWaitedForByItsOwnTtl) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    const Instant end = a->session.valid_until();
    const std::uint16_t slot = a->session.ref().slot;
    a.reset();
    Process process(cluster, home, host_named("home"), slot);
    ASSERT_TRUE(process.seated);
    Session next(cluster.world, process.directory, slot, SessionOwner{}, seconds(1));
    ASSERT_TRUE(cluster.run(next.open(cluster.soon())));
    ASSERT_TRUE(b->acquire("x"));
    EXPECT_GE(cluster.clock.now(), end);
    EXPECT_TRUE(next.sound());
}

// An eviction by hand of a session says nothing of the one before it.
TEST_F(Rules, ABrokenSessionDoesNotVouchForItsPredecessor) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    const Instant end = a->session.valid_until();
    const std::uint16_t slot = a->session.ref().slot;
    a.reset();
    auto second = member(slot);
    SessionWatch watch(cluster.world, b->process.directory, second->session.ref());
    ASSERT_TRUE(cluster.run(watch.evict_now({}, cluster.soon())));
    second.reset();
    auto third = member(slot);
    ASSERT_TRUE(b->acquire("x"));
    EXPECT_GE(cluster.clock.now(), end);
}

// A holding belongs to the session that took it, not to the next one of the same process.
TEST_F(Rules, ALaterSessionHoldsNothingOfTheEarlier) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    silence();
    pass(timing.ttl() + seconds(1));
    release();
    EXPECT_TRUE(a->session.lost().is_set());
    ASSERT_TRUE(cluster.run(a->session.open(cluster.soon())));
    EXPECT_TRUE(a->session.sound());
    EXPECT_FALSE(a->lock("x").held());
    EXPECT_EQ(a->release("x").error().code, Code::lost);
}

// An acquisition whose outcome nobody knows is taken back by release(), and asked for anew under a
// larger token.
TEST_F(Rules, WhatIsInDoubtCanBeReleased) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    ASSERT_TRUE(a->release("x"));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::doubtful;
    const auto unknown = a->acquire("x", LockMode::exclusive, seconds(1));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Code::unknown_outcome);
    EXPECT_FALSE(a->lock("x").held());
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    const auto refused = b->acquire("x", LockMode::exclusive, Duration(0));
    EXPECT_TRUE(!refused && refused.error().code == Code::busy);
    ASSERT_TRUE(a->release("x"));
    EXPECT_EQ(b->acquire("x", LockMode::exclusive, Duration(0)).value(), 3U);
}

}  // namespace
}  // namespace diskpaxos
