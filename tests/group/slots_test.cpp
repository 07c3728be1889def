// Slots: hosts own them, processes borrow them (algorithms.md 7.2, 7.5, 9.5).
#include <gtest/gtest.h>

#include <set>

#include "group/cluster.hpp"

namespace diskpaxos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A claim under way.
class Claimant {
  public:
    Claimant(Cluster& cluster, SlotTableAccess& access, std::vector<std::uint32_t> wanted)
        : cluster_(cluster), scope_(cluster.queue) {
        scope_.spawn(claim(access, std::move(wanted), cluster.soon(), won));
    }
    void finish() {
        for (cluster_.queue.run_all(); !scope_.idle().is_set(); cluster_.queue.run_all()) {
            cluster_.clock.advance_to_next();
        }
    }
    std::vector<std::uint32_t> won;

  private:
    static Task<void> claim(SlotTableAccess& access, std::vector<std::uint32_t> wanted,
                            Instant deadline, std::vector<std::uint32_t>& won) {
        const Host host = host_named("claimant");
        won = co_await access.claim(wanted, SlotState::taken, host, deadline);
    }
    Cluster& cluster_;
    Scope scope_;
};

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
    for (auto& disk : cluster.disks) {  // it has read the table; its stamps hang
        disk->after_read = [&disk] { disk->mood = MemoryDisk::Mood::silent; };
    }
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

// One process's claim of one slot after the other would be late for the last ones, on a busy machine.
TEST(Slots, AllStampsOfAClaimAreUnderWayAtOnce) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    SlotTableAccess access(cluster.world, roster, rule);
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    for (auto& disk : cluster.disks) {
        disk->after_read = [&disk] { disk->mood = MemoryDisk::Mood::silent; };
    }
    Claimant claimant(cluster, access, {4, 5, 6, 7});
    cluster.queue.run_all();
    for (auto& disk : cluster.disks) EXPECT_EQ(disk->held(), 4U);
    for (auto& disk : cluster.disks) disk->release();
    claimant.finish();
    EXPECT_EQ(claimant.won.size(), 4U);
}

// With a short TTL the bound is shorter than the moment's grace that a silent disk is given.
TEST(Slots, ADiskThatHangsDoesNotSpoilTheClaimOnTheOthers) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    Roster roster = *cluster.assemble();
    roster.common.ttl_ms = 1000;
    const Threshold rule = Threshold::majority(3);
    SlotTableAccess access(cluster.world, roster, rule);
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    cluster.disks[2]->mood = MemoryDisk::Mood::silent;
    Claimant claimant(cluster, access, {4, 5});
    claimant.finish();
    EXPECT_EQ(claimant.won.size(), 2U);
    cluster.disks[2]->release();
}

// Its process did not run for longer than B after it had looked: it looks again.
TEST(Slots, AClaimIsValidatedAgainWhenItIsTooLateToFollowItUp) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    SlotTableAccess access(cluster.world, roster, rule);
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    Claimant claimant(cluster, access, {4});
    cluster.queue.run_all();  // stamped
    for (auto& disk : cluster.disks) {
        disk->after_read = [&cluster] { cluster.clock.advance(milliseconds(300)); };
    }
    for (auto& disk : cluster.disks) disk->counts = {};
    claimant.finish();
    EXPECT_EQ(claimant.won.size(), 1U);
    for (auto& disk : cluster.disks) EXPECT_EQ(disk->counts.reads, 2U);
}

// A stamp in time that stands alone bars the slot to nobody afterwards.
TEST(Slots, AClaimThatFindsNoMajorityIsTakenBack) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    const std::uint64_t block = cluster.geometry.claim_block(4);
    const ByteSpan claim = cluster.disks[0]->at(block);
    const Bytes free(claim.begin(), claim.end());
    {
        SlotTableAccess dead(cluster.world, roster, rule);
        ASSERT_TRUE(cluster.run(dead.read(cluster.soon())));
        const Claimant killed(cluster, dead, {4});
        cluster.queue.run_all();  // it has stamped
    }
    std::ranges::copy(free, claim.begin());
    SlotTableAccess access(cluster.world, roster, rule);
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    Claimant claimant(cluster, access, {4});
    claimant.finish();
    EXPECT_TRUE(claimant.won.empty());
    ASSERT_TRUE(cluster.run(access.read(cluster.soon())));
    EXPECT_FALSE(access.copies()[0].claims[4]->held());
    EXPECT_TRUE(access.copies()[1].claims[4]->held()) << "that of the dead is not ours to free";
    EXPECT_FALSE(access.copies()[0].owners[4]->held());
}

}  // namespace
}  // namespace diskpaxos
