// Slots: hosts own them, processes borrow them (algorithms.md 7.2, 7.5, 9.5).
#include <gtest/gtest.h>

#include <set>

#include "group/cluster.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Slots, TheFormattingHostNeverWaits) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks home;
    const Instant before = cluster.clock.now();
    Process process(cluster, home, host_named("home"));
    ASSERT_TRUE(process.seated);
    EXPECT_EQ(cluster.clock.now(), before);
    EXPECT_LT(process.group.seat()->slot, 4U);
    EXPECT_EQ(process.group.seat()->open.size(), 3U);
}

TEST(Slots, JoiningWritesNothing) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    for (auto& disk : cluster.disks) disk->counts = {};
    HostLocks home;
    Process process(cluster, home, host_named("home"));
    for (auto& disk : cluster.disks) {
        EXPECT_EQ(disk->counts.writes, 0U);
        EXPECT_EQ(disk->counts.reads, 3U) << "two superblocks and the slot table";
    }
}

TEST(Slots, ProcessesOfOneHostNeverShareASlot) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks home;
    std::set<std::uint32_t> taken;
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 4; ++i) {
        processes.push_back(std::make_unique<Process>(cluster, home, host_named("home")));
        ASSERT_TRUE(processes.back()->seated);
        EXPECT_TRUE(taken.insert(processes.back()->group.seat()->slot).second);
    }
}

TEST(Slots, AnotherHostClaimsAHandfulOnceAndKeepsIt) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks away;
    std::uint32_t first = 0;
    {
        const Instant before = cluster.clock.now();
        Process process(cluster, away, host_named("away"));
        ASSERT_TRUE(process.seated);
        first = process.group.seat()->slot;
        EXPECT_GE(first, 4U);
        EXPECT_GE(cluster.clock.now() - before, seconds(1)) << "V is a tenth of the TTL";
        EXPECT_LT(cluster.clock.now() - before, seconds(2));
    }
    const Instant before = cluster.clock.now();
    Process again(cluster, away, host_named("away"));
    ASSERT_TRUE(again.seated);
    EXPECT_EQ(again.group.seat()->slot, first);
    EXPECT_EQ(cluster.clock.now(), before) << "claimed for good: no wait the second time";
}

TEST(Slots, WhenAllAreInUseTheHostClaimsMoreAndThenIsRefused) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks home;
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 8; ++i) {
        processes.push_back(std::make_unique<Process>(cluster, home, host_named("home")));
        ASSERT_TRUE(processes.back()->seated) << i;
    }
    Process ninth(cluster, home, host_named("home"));
    ASSERT_FALSE(ninth.seated);
    EXPECT_EQ(ninth.seated.error().code, Code::busy);
}

TEST(Slots, ASlotByNumberIsThatOneOrNone) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks home, away;
    Process third(cluster, home, host_named("home"), 3);
    ASSERT_TRUE(third.seated);
    EXPECT_EQ(third.group.seat()->slot, 3U);
    Process same(cluster, home, host_named("home"), 3);
    ASSERT_FALSE(same.seated);
    EXPECT_EQ(same.seated.error().code, Code::busy);
    Process foreign(cluster, away, host_named("away"), 2);
    ASSERT_FALSE(foreign.seated);
    EXPECT_EQ(foreign.seated.error().sentence, "slot 2 belongs to host home");
    Process beyond(cluster, home, host_named("home"), 8);
    ASSERT_FALSE(beyond.seated);
    EXPECT_EQ(beyond.seated.error().code, Code::usage);
}

// A write of the host's last boot may still be on its way: T_ghost after booting, none is.
TEST(Slots, WritesOfTheBootBeforeAreWaitedOut) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    HostLocks home;
    const Instant before = cluster.clock.now();
    Process fresh(cluster, home, host_named("home", 2), std::nullopt, seconds(5));
    ASSERT_TRUE(fresh.seated);
    EXPECT_EQ(cluster.clock.now() - before, seconds(25));
}

// A lock that cannot be had on one disk (a dead process's write hangs there) leaves that disk out.
TEST(Slots, ADiskWithWritesOfTheDeadIsNotWritten) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(1));
    HostLocks home;
    HostLocks::OfProcess dead(home);
    ASSERT_TRUE(dead.try_lock(*cluster.disks[1], 0));
    Process process(cluster, home, host_named("home"), 0);
    ASSERT_TRUE(process.seated);
    EXPECT_FALSE(process.group.seat()->open.contains(1));
    cluster.disks[1]->counts = {};
    const auto set = cluster.run(set_value(process.directory, "x", "1", cluster.soon()));
    ASSERT_TRUE(set) << set.error().sentence;
    EXPECT_EQ(cluster.disks[1]->counts.visits, 0U);
}

// Two hosts after the same slots: at most one is validated, whatever the order.
TEST(Slots, HostsThatClaimAtOnceGetDifferentSlots) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format());
        cluster.random = SeededRandom(seed);
        const Roster roster = *cluster.assemble();
        const Threshold rule = Threshold::majority(3);
        SlotTableAccess one(cluster.world, roster, rule), two(cluster.world, roster, rule);
        std::vector<std::uint32_t> won_one, won_two;
        const auto claim = [](Cluster& c, SlotTableAccess& access, Host host, Duration wait,
                              std::vector<std::uint32_t>& won) -> Task<void> {
            co_await c.clock.sleep(wait);
            const Instant deadline = c.soon();
            CHECK(co_await access.read(deadline));
            std::vector<std::uint32_t> wanted(2);
            wanted[0] = 4;
            wanted[1] = 5;
            won = co_await access.claim(wanted, SlotState::taken, host, deadline);
        };
        Scope scope(cluster.queue);
        const Duration offset = milliseconds(cluster.random.below(1500));
        scope.spawn(claim(cluster, one, host_named("one"), Duration(1), won_one));
        scope.spawn(claim(cluster, two, host_named("two"), offset, won_two));
        for (cluster.queue.run_all(); !scope.idle().is_set(); cluster.queue.run_all()) {
            cluster.clock.advance_to_next();
        }
        for (const std::uint32_t slot : won_one) EXPECT_EQ(std::ranges::count(won_two, slot), 0) << seed;
        EXPECT_FALSE(won_one.empty() && won_two.empty()) << seed;
    }
}

// A claim that took longer than B is never validated, though its stamp stands (9.5, step 2).
TEST(Slots, ALateClaimIsNeverValidated) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    SlotTableAccess access(cluster.world, roster, rule);
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::silent;
    Scope scope(cluster.queue);
    const auto release_late = [](Cluster& c) -> Task<void> {
        co_await c.clock.sleep(milliseconds(600));  // B is half a second
        for (auto& disk : c.disks) disk->release();
    };
    scope.spawn(release_late(cluster));
    const std::vector<std::uint32_t> wanted(1, 4);
    const auto won = cluster.run(
        access.claim(wanted, SlotState::taken, host_named("late"), cluster.soon()));
    EXPECT_TRUE(won.empty());
}

}  // namespace
}  // namespace diskpaxos
