// What a host keeps and what it gives back (docs/slots.md, R5; src/group/keeper.hpp).
#include <gtest/gtest.h>

#include <set>

#include "group/household.hpp"

namespace diskpaxos {
namespace {

TEST(Keeper, TheLastProcessGivesBackAllButOne) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    Resident process(cluster, home, "home");
    ASSERT_TRUE(process.process.seated);
    process.begin_end();
    process.finish();
    EXPECT_EQ(process.given.size(), 3U);
    EXPECT_EQ(owned_by(cluster, "home"), std::vector<std::uint32_t>{0}) << "the lowest stays";
    EXPECT_EQ(free_in(cluster), 7U);
}

TEST(Keeper, AProcessOfAHostWithOneSlotReadsTheTableOnceAndWritesNothing) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(1));
    HostLocks home;
    Resident process(cluster, home, "home");
    for (auto& disk : cluster.disks) disk->counts = {};
    const Instant before = cluster.clock.now();
    process.begin_end();
    process.finish();
    EXPECT_EQ(cluster.clock.now(), before);
    for (auto& disk : cluster.disks) {
        EXPECT_EQ(disk->counts.reads, 1U);
        EXPECT_EQ(disk->counts.writes, 0U);
    }
}

TEST(Keeper, WhoIsNotTheLastLeavesTheOthersAlone) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    Resident stays(cluster, home, "home");
    Resident ends(cluster, home, "home");
    ends.begin_end();
    ends.finish();
    EXPECT_TRUE(ends.given.empty());
    EXPECT_EQ(owned_by(cluster, "home").size(), 4U);
}

// Each would take the other for one that lives, if they kept their seats until they are gone.
TEST(Keeper, TwoThatEndAtOnceLeaveOneSlot) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format(4));
        cluster.random = SeededRandom(seed);
        HostLocks home;
        Resident one(cluster, home, "home");
        Resident two(cluster, home, "home");
        one.begin_end();
        two.begin_end();
        one.finish();
        two.finish();
        EXPECT_EQ(one.given.size() + two.given.size(), 3U) << seed;
        EXPECT_EQ(owned_by(cluster, "home").size(), 1U) << seed;
    }
}

// When there is no free slot left, whoever ends gives back what nobody uses.
TEST(Keeper, WhoIsNotTheLastGivesBackWhatOthersNeed) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(8));
    HostLocks home, away;
    Resident stays(cluster, home, "home");
    const std::uint32_t kept = stays.process.group.seat()->slot;
    Resident ends(cluster, home, "home");
    ends.begin_end();
    ends.finish();
    EXPECT_EQ(owned_by(cluster, "home"), std::vector<std::uint32_t>{kept});
    Process guest(cluster, away, host_named("away"));
    EXPECT_TRUE(guest.seated) << guest.seated.error().sentence;
}

// A host with a process that lives for ever, and slots from the time when it had more.
TEST(Keeper, AHoarderGivesBackWhatStoodUnusedWhenOthersFindNone) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(8));
    HostLocks home, away;
    Resident stays(cluster, home, "home");
    Resident also(cluster, home, "home");
    std::set<std::uint32_t> used{stays.process.group.seat()->slot, also.process.group.seat()->slot};
    stays.keep();
    cluster.run(sleep(cluster.clock, ttl * 5 / 2));
    EXPECT_EQ(owned_by(cluster, "home").size(), 8U) << "one look is no while";
    cluster.run(sleep(cluster.clock, 3 * ttl));
    const std::vector<std::uint32_t> kept = owned_by(cluster, "home");
    EXPECT_EQ(std::set<std::uint32_t>(kept.begin(), kept.end()), used) << "never what is used";
    Process guest(cluster, away, host_named("away"));
    EXPECT_TRUE(guest.seated);
    stays.over.set();
    stays.finish();
}

TEST(Keeper, NothingGoesBackWhileSomethingIsFree) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    Resident stays(cluster, home, "home");
    stays.keep();
    for (auto& disk : cluster.disks) disk->counts = {};
    cluster.run(sleep(cluster.clock, 40 * ttl));
    for (auto& disk : cluster.disks) {
        EXPECT_EQ(disk->counts.writes, 0U);
        EXPECT_LE(disk->counts.reads, 20U) << "one every two TTLs";
        EXPECT_GE(disk->counts.reads, 15U);
    }
    EXPECT_EQ(owned_by(cluster, "home").size(), 4U);
    stays.over.set();
    stays.finish();
}

TEST(Keeper, AHostWithOneSlotLooksEveryEightTtls) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(1));
    HostLocks home;
    Resident stays(cluster, home, "home");
    stays.keep();
    for (auto& disk : cluster.disks) disk->counts = {};
    cluster.run(sleep(cluster.clock, 80 * ttl));
    for (auto& disk : cluster.disks) {
        EXPECT_LE(disk->counts.reads, 11U);
        EXPECT_GE(disk->counts.reads, 8U);
    }
    stays.over.set();
    stays.finish();
}

// What an earlier boot had under way may land in a slot: nobody else gets it before.
TEST(Keeper, SlotsOfTheBootBeforeAreWaitedOut) {
    for (const bool fresh : {true, false}) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format(4));
        HostLocks home;
        Resident process(cluster, home, "home", 2, fresh ? seconds(5) : seconds(31));
        process.begin_end();
        process.finish();
        EXPECT_EQ(process.given.size(), fresh ? 0U : 3U);
    }
}

// A give-back that was cut short bars its slot for everybody. The host that owns it settles it, and
// gives it back then: nobody has to run a repair.
TEST(Keeper, WhatAGiveBackHasLeftBehindIsSettledAndGivenBack) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(8));
    HostLocks home, away;
    Resident stays(cluster, home, "home", 1);
    std::uint32_t other = stays.process.group.seat()->slot == 5 ? 6 : 5;
    {
        HostLocks::OfProcess locks(home);
        const Roster roster = *cluster.assemble();
        const Threshold rule = Threshold::majority(3);
        GiveBack back(cluster.world, roster, rule, locks, host_named("home"));
        Scope dying(cluster.queue);
        const auto run = [](GiveBack& of, std::uint32_t slot, Instant until) -> Task<void> {
            (void)co_await of.run(std::vector<std::uint32_t>(1, slot), until);
        };
        dying.spawn(run(back, other, cluster.soon()));
        cluster.queue.run_all();  // stamped, and killed
    }
    std::vector<std::unique_ptr<Process>> others;  // they use the rest
    for (int i = 0; i < 6; ++i) {
        others.push_back(std::make_unique<Process>(cluster, home, host_named("home")));
        ASSERT_TRUE(others.back()->seated);
        ASSERT_NE(others.back()->group.seat()->slot, other) << "it is barred";
    }
    stays.keep();
    cluster.run(sleep(cluster.clock, 20 * ttl));
    EXPECT_EQ(owned_by(cluster, "home").size(), 7U);
    EXPECT_TRUE(table_of(cluster)[other].claimable);
    stays.over.set();
    stays.finish();
}

// An error is not a no (algorithms 7.4): the write may land when another process has the block.
TEST(Keeper, NobodyGetsTheSlotOnTheDiskWhereAWriteFailed) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    std::uint32_t slot = 0;
    {
        Resident process(cluster, home, "home");
        slot = process.process.group.seat()->slot;
        cluster.disks[2]->mood = MemoryDisk::Mood::failing;
        Directory& directory = process.process.directory;
        ASSERT_TRUE(cluster.run(increment(directory, "x", 1, cluster.soon())));
        cluster.disks[2]->mood = MemoryDisk::Mood::ok;
        process.begin_end();
        process.finish();
        EXPECT_TRUE(process.given.empty());
    }
    EXPECT_EQ(owned_by(cluster, "home").size(), 4U);
    const auto doubt = home.doubted.find({cluster.disks[2].get(), slot});
    ASSERT_NE(doubt, home.doubted.end());
    EXPECT_EQ(doubt->second, seconds(30)) << "T_ghost";
    Process next(cluster, home, host_named("home"), slot);
    ASSERT_TRUE(next.seated);
    EXPECT_FALSE(next.group.seat()->open.contains(2));
    EXPECT_EQ(next.group.seat()->open.size(), 2U);
}

TEST(Keeper, WhoseWriteFailedLeavesWhenItCannotLandAnyMore) {
    for (const bool waits : {false, true}) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format(4));
        HostLocks home;
        Process process(cluster, home, host_named("home"));
        cluster.disks[2]->mood = MemoryDisk::Mood::failing;
        ASSERT_TRUE(cluster.run(increment(process.directory, "x", 1, cluster.soon())));
        cluster.disks[2]->mood = MemoryDisk::Mood::ok;
        cluster.run(sleep(cluster.clock, waits ? seconds(31) : seconds(29)));
        EXPECT_EQ(cluster.run(process.group.leave_seat(process.locks, cluster.soon())), waits);
    }
}

// One slow write of a give-back must not keep the host from claiming for as long as a process lives.
TEST(Keeper, WhatASlowGiveBackHasLockedIsLetGo) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(8));
    HostLocks home, away;
    Resident stays(cluster, home, "home");
    stays.keep();
    MemoryDisk& slow = *cluster.disks[2];
    slow.asked = [&slow](const Io& io) {
        if (io.kind == Io::Kind::write) slow.mood = MemoryDisk::Mood::silent;
    };
    cluster.run(sleep(cluster.clock, 9 * ttl));
    ASSERT_GT(slow.held(), 0U) << "it has tried";
    HostLocks::OfProcess other(home);
    EXPECT_TRUE(other.try_lock(slow, claim_lock)) << "the claim is over";
    other.unlock(slow, claim_lock);
    const std::uint32_t idle = stays.process.group.seat()->slot == 7 ? 6 : 7;
    EXPECT_FALSE(other.try_lock(slow, idle)) << "something may still land";
    slow.asked = nullptr;
    slow.release();
    cluster.run(sleep(cluster.clock, ttl + seconds(31)));
    EXPECT_TRUE(other.try_lock(slow, idle));
    stays.over.set();
    stays.finish();
}

}  // namespace
}  // namespace diskpaxos
