#include "group/takeover.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

TEST_F(Takeover, AnOldProcessWritesOnceAndNoMore) {
    EXPECT_TRUE(old_writes_end_with_the_first());
}

TEST_F(Takeover, OfAMinorityLeavesTheGroupAtWork) {
    Process old(cluster, home, host_named("home"));
    ASSERT_TRUE(set(old, "x"));
    // Another group is made of disk 2 alone.
    FormatPlan plan;
    plan.superblock = new_superblock("next", 1, cluster.geometry, 10'000, 0);
    plan.disks = {cluster.disks[2].get()};
    plan.host = host_named("taker");
    const bool stop = false;
    Formatter formatter(cluster.world, std::move(plan), [](std::uint64_t) {});
    ASSERT_TRUE(cluster.run(formatter.run(stop)));
    const unsigned before = writes(2);
    for (const char* name : {"x", "x", "y", "x"}) EXPECT_TRUE(set(old, name));
    EXPECT_LE(writes(2), before + 1);
}

// A stray block of another group among sound ones is damage: the group goes on, and heals it.
TEST_F(Takeover, OneForeignBlockIsDamageAndIsHealedByItsUser) {
    Process user(cluster, home, host_named("home"));
    ASSERT_TRUE(set(user, "x"));
    const std::uint64_t place =
        user.group.seat()->slot * cluster.geometry.ring + user.group.seat()->ring_index;
    for (auto& disk : cluster.disks) {
        for (std::uint32_t cell = 0; cell < cluster.geometry.cells; ++cell) {
            BlockAddress address;
            address.group[0] = std::byte{0x77};
            const std::uint64_t at =
                cluster.geometry.block(cell, static_cast<std::uint32_t>(place));
            encode_initial(disk->at(at).first(512), address);
        }
    }
    EXPECT_EQ(damaged(), 12U);
    EXPECT_EQ(check().disks[0].by_damage[static_cast<std::size_t>(Damage::foreign)], 4U);
    EXPECT_TRUE(set(user, "x"));  // its blocks are what it remembers: nothing is lost
    EXPECT_EQ(damaged(), 9U);
}

TEST_F(Takeover, AForeignBlockOfASlotThatNobodyUsesIsHealedByARepair) {
    {
        Process user(cluster, home, host_named("home"));
        ASSERT_TRUE(set(user, "x"));
    }
    for (std::uint32_t place = 0; place < cluster.geometry.places(); ++place) {
        BlockAddress address;
        address.group[0] = std::byte{0x77};
        encode_initial(cluster.disks[1]->at(cluster.geometry.block(1, place)).first(512), address);
    }
    EXPECT_EQ(damaged(), cluster.geometry.places());
    const auto roster = cluster.assemble();
    ASSERT_TRUE(roster);
    const Threshold rule = Threshold::majority(3);
    HostLocks::OfProcess locks(home);
    Healer healer(cluster.world, *roster, rule, locks, host_named("home"));
    const auto healed = cluster.run(healer.run(cluster.soon()));
    ASSERT_TRUE(healed);
    EXPECT_EQ(healed->blocks, cluster.geometry.places());
    EXPECT_EQ(damaged(), 0U);
}

// What is written between the overwriting and the end of the wait is written again.
Task<void> meddle(Directory& directory, Clock& clock, unsigned& tries) {
    for (; tries < 30; ++tries) {
        auto setting = set_value(directory, "x", "v", clock.now() + 2s);
        (void)co_await setting;
        co_await clock.sleep(1s);
    }
}

TEST_F(Takeover, WithAWaitTheNewGroupIsWhole) {
    Process old(cluster, home, host_named("home"));
    ASSERT_TRUE(set(old, "x"));
    unsigned tries = 0;
    Scope scope(cluster.queue);
    std::vector<Damage> seen;
    ASSERT_TRUE(take_over(40s, [&] {
        for (const auto& disk : cluster.disks) {
            const ByteView area(disk->at(0).data(), superblock_area);
            const auto superblock = decode_superblock(area, 0);
            seen.push_back(superblock ? Damage::none : superblock.error());
            const auto retired = decode_retired(area, 0);
            ASSERT_TRUE(retired);
            EXPECT_EQ(retired->name, "test");
            EXPECT_EQ(retired->host_name, "taker");
            EXPECT_EQ(retired->wait_ms, 40'000U);
        }
        scope.spawn(meddle(old.directory, cluster.clock, tries));
    }));
    EXPECT_EQ(seen, std::vector(3, Damage::retired));
    EXPECT_GE(tries, 10U);
    EXPECT_EQ(damaged(), 0U);
    EXPECT_TRUE(check().sound());
    Process next(cluster, home, host_named("taker"));
    EXPECT_TRUE(set(next, "x"));
}

// However often: the one that comes to its end must have waited.
TEST_F(Takeover, InterruptedInItsWaitSaysSoUntilOneIsFinished) {
    for (int time = 0; time < 2; ++time) {
        bool stop = false;
        EXPECT_FALSE(take_over(40s, [&] { stop = true; }, stop));
        for (const auto& disk : cluster.disks) {
            const auto retired = decode_retired(ByteView(disk->at(0).data(), superblock_area), 0);
            ASSERT_TRUE(retired);
            EXPECT_EQ(retired->wait_ms, 40'000U);
        }
        EXPECT_FALSE(cluster.assemble());
    }
    EXPECT_TRUE(take_over(40s));
    EXPECT_TRUE(check().sound());
}

// Two at once: the later one has put its mark over that of the earlier one, which then stops.
TEST_F(Takeover, OfTwoAtOnceOneMakesItsGroup) {
    const auto [first, second] = two_at_once();
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, Code::in_use);
    ASSERT_TRUE(second) << second.error().sentence;
    EXPECT_TRUE(check().sound());
    HostLocks kernel;
    Process next(cluster, kernel, host_named("taker"));
    EXPECT_TRUE(set(next, "x"));
}

// It has looked at the old group; by the time that it writes, the new one is there and in use.
TEST_F(Takeover, AGroupThatWasMadeMeanwhileIsNotWrittenOver) {
    for (const Duration wait : {Duration(0), Duration(40s)}) {
        FormatPlan late = plan(wait);
        ASSERT_TRUE(take_over(0s));
        const Uuid made = cluster.assemble()->common.group;
        HostLocks kernel;
        Process user(cluster, kernel, host_named("taker"));
        ASSERT_TRUE(set(user, "x"));
        const std::array<unsigned, 3> before{writes(0), writes(1), writes(2)};
        Formatter formatter(cluster.world, std::move(late), [](std::uint64_t) {});
        const Result<void> second = cluster.run(formatter.run(never));
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, Code::in_use);
        EXPECT_EQ(before, (std::array<unsigned, 3>{writes(0), writes(1), writes(2)}));
        EXPECT_EQ(cluster.assemble()->common.group, made);
        EXPECT_TRUE(set(user, "x"));
    }
}

// It was interrupted on one disk, and what is there is not known from before.
TEST_F(Takeover, WhatIsFoundInsteadOfTheMarkStopsIt) {
    for (std::size_t disk = 0; disk < 3; ++disk) {
        const Superblock old =
            *decode_superblock(ByteView(cluster.disks[disk]->at(0).data(), superblock_area), 0);
        const Result<void> done = take_over(40s, [&] {
            encode_superblock(cluster.disks[disk]->at(0), old, 0);  // by a repair of before 1.4
        });
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, Code::in_use);
        ASSERT_TRUE(take_over(40s));
        EXPECT_TRUE(check().sound());
    }
}

// Those who repair have assembled the old group; then the disks change hands.
TEST_F(Takeover, ARepairOfTheOldGroupTouchesNothingOfTheNewOne) {
    const auto roster = cluster.assemble();
    ASSERT_TRUE(roster);
    ASSERT_TRUE(take_over(0s));
    const Uuid made = cluster.assemble()->common.group;
    const std::array<unsigned, 3> before{writes(0), writes(1), writes(2)};
    const Threshold rule = Threshold::majority(3);
    HostLocks::OfProcess locks(home);
    Healer healer(cluster.world, *roster, rule, locks, host_named("home"));
    const auto healed = cluster.run(healer.run(cluster.soon()));
    EXPECT_FALSE(healed && healed->superblocks + healed->blocks > 0);
    Healer superblocks(cluster.world, *roster, rule, locks, host_named("home"));
    const auto left = cluster.run(superblocks.run_without_slots());
    ASSERT_TRUE(left);
    EXPECT_EQ(left->superblocks, 0U);
    EXPECT_EQ(left->left.size(), 3U);
    EXPECT_EQ(before, (std::array<unsigned, 3>{writes(0), writes(1), writes(2)}));
    EXPECT_EQ(cluster.assemble()->common.group, made);
    EXPECT_TRUE(check().sound());
}

TEST_F(Takeover, ARepairStopsOnADiskThatIsRetiredUnderIt) {
    const auto [healed, written] = healed_while_it_is_retired();
    EXPECT_EQ(written, 0U);
    EXPECT_EQ(healed.superblocks, 0U);
    EXPECT_EQ(healed.left.size(), 1U);
    EXPECT_TRUE(decode_retired(ByteView(cluster.disks[1]->at(0).data(), superblock_area), 0));
}

TEST_F(Takeover, WithoutAWaitWhatComesLateIsDamage) {
    Process old(cluster, home, host_named("home"));
    ASSERT_TRUE(set(old, "x"));
    ASSERT_TRUE(take_over(0s));
    EXPECT_FALSE(set(old, "x"));
    EXPECT_EQ(damaged(), 3U);
}

TEST_F(Takeover, ARetiredDiskIsNoMember) {
    for (std::size_t disk = 0; disk < 2; ++disk) {
        const ByteSpan area(cluster.disks[disk]->at(0).data(), superblock_area);
        const auto superblock = decode_superblock(area, 0);
        ASSERT_TRUE(superblock);
        Retired retired;
        retired.at_ms = 1'790'000'000'000;
        retired.host_name = "taker";
        encode_retired(area, *superblock, retired, 0);
        const auto roster = cluster.assemble();
        EXPECT_EQ(roster.has_value(), disk == 0);
        const std::string said = disk == 0 ? roster->notes.front() : roster.error().sentence;
        const std::string which = disk == 0 ? "a" : "a and b";
        EXPECT_NE(said.find(which + ": retired: group \"test\" was formatted over at 2026-09-21 14:13:20 "
                            "UTC by host taker"),
                  std::string::npos)
            << said;
        if (disk > 0) continue;
        EXPECT_TRUE(roster->strangers.empty());  // not to be taken back by a repair
    }
}

TEST_F(Takeover, DisksOfAnotherGroupThanNamedAreNeverUsed) {
    const Uuid ours = cluster.assemble()->common.group;
    ASSERT_TRUE(take_over(0s));
    Assembly named(cluster.world, cluster.all(), ours);
    const auto refused = cluster.run(named.run(true, cluster.soon()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::other_group);
    EXPECT_NE(refused.error().sentence.find(uuid_text(ours)), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos
