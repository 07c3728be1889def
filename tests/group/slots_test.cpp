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
    Claimant(Cluster& cluster, const Roster& roster, std::vector<std::uint32_t> wanted,
             std::string name = "claimant")
        : rule_(Threshold::majority(roster.disks())),
          claim_(cluster.world, roster, rule_, host_named(name)),
          cluster_(cluster),
          scope_(cluster.queue) {
        scope_.spawn(claim(claim_, std::move(wanted), cluster.soon(), won));
    }
    void finish() {
        for (cluster_.queue.run_all(); !scope_.idle().is_set(); cluster_.queue.run_all()) {
            cluster_.clock.advance_to_next();
        }
    }
    std::vector<std::uint32_t> won;

  private:
    static Task<void> claim(Claim& claim, std::vector<std::uint32_t> wanted, Instant deadline,
                            std::vector<std::uint32_t>& won) {
        std::vector<Asked> asked;
        for (const std::uint32_t slot : wanted) asked.push_back(Asked{.slot = slot});
        const auto claimed = co_await claim.run(std::move(asked), Watched(), deadline);
        for (const Claimed& one : claimed) {
            if (one.won) won.push_back(one.slot);
        }
    }
    Threshold rule_;
    Claim claim_;
    Cluster& cluster_;
    Scope scope_;
};

std::vector<TableCopy> table_of(Cluster& cluster) {
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(roster.disks());
    TableReader table(cluster.world, roster, rule);
    CHECK(cluster.run(table.read(cluster.soon())));
    return table.copies();
}

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
        EXPECT_EQ(disk->counts.reads, 4U) << "two superblocks, and the slot table twice (R1)";
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

TEST(Slots, AnotherHostClaimsOneOnceAndKeepsIt) {
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
    EXPECT_EQ(ninth.seated.error().code, Code::no_slot);
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
    EXPECT_EQ(same.seated.error().code, Code::no_slot);
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
        Claim one(cluster.world, roster, rule, host_named("one"));
        Claim two(cluster.world, roster, rule, host_named("two"));
        std::vector<std::uint32_t> won_one, won_two;
        const auto claim = [](Cluster& c, Claim& of, Duration wait,
                              std::vector<std::uint32_t>& won) -> Task<void> {
            co_await c.clock.sleep(wait);
            std::vector<Asked> asked(2);
            asked[0].slot = 4;
            asked[1].slot = 5;
            const auto claimed = co_await of.run(std::move(asked), Watched(), c.soon());
            for (const Claimed& each : claimed) {
                if (each.won) won.push_back(each.slot);
            }
        };
        Scope scope(cluster.queue);
        const Duration offset = milliseconds(cluster.random.below(1500));
        scope.spawn(claim(cluster, one, Duration(1), won_one));
        scope.spawn(claim(cluster, two, offset, won_two));
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
    for (auto& disk : cluster.disks) {  // it has read the table; its stamps hang
        disk->after_read = [&disk] { disk->mood = MemoryDisk::Mood::silent; };
    }
    Scope scope(cluster.queue);
    const auto release_late = [](Cluster& c) -> Task<void> {
        co_await c.clock.sleep(milliseconds(600));  // B is half a second
        for (auto& disk : c.disks) disk->release();
    };
    scope.spawn(release_late(cluster));
    Claimant claimant(cluster, roster, {4});
    claimant.finish();
    EXPECT_TRUE(claimant.won.empty());
}

// One process's claim of one slot after the other would be late for the last ones, on a busy machine.
TEST(Slots, AllStampsOfAClaimAreUnderWayAtOnce) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    for (auto& disk : cluster.disks) {
        disk->after_read = [&disk] { disk->mood = MemoryDisk::Mood::silent; };
    }
    Claimant claimant(cluster, roster, {4, 5, 6, 7});
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
    cluster.disks[2]->mood = MemoryDisk::Mood::silent;
    Claimant claimant(cluster, roster, {4, 5});
    claimant.finish();
    EXPECT_EQ(claimant.won.size(), 2U);
    cluster.disks[2]->release();
}

// R4: a process that was stopped for longer than the life of its attempt submits nothing any more.
TEST(Slots, AnAttemptWritesNothingAfterItsLife) {
    for (const bool stopped : {false, true}) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format());
        const Roster roster = *cluster.assemble();
        Claimant claimant(cluster, roster, {4});
        cluster.queue.run_all();  // stamped
        cluster.clock.advance(seconds(1));
        for (auto& disk : cluster.disks) {
            disk->counts = {};
            disk->after_read = [&cluster, stopped] {
                if (stopped) cluster.clock.advance(seconds(4));
            };
        }
        claimant.finish();
        EXPECT_EQ(claimant.won.size(), stopped ? 0U : 1U);
        for (auto& disk : cluster.disks) EXPECT_EQ(disk->counts.writes, stopped ? 0U : 2U);
    }
}

// R5, R7: a claim that found no majority, and wrote nothing, takes its stamps back.
TEST(Slots, AClaimThatFindsNoMajorityIsTakenBack) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    const std::uint64_t block = cluster.geometry.claim_block(4);
    const ByteSpan claim = cluster.disks[0]->at(block);
    const Bytes free(claim.begin(), claim.end());
    {
        const Claimant killed(cluster, roster, {4}, "dead");
        cluster.queue.run_all();  // it has stamped
    }
    std::ranges::copy(free, claim.begin());
    Claimant claimant(cluster, roster, {4});
    claimant.finish();
    EXPECT_TRUE(claimant.won.empty());
    const std::vector<TableCopy> table = table_of(cluster);
    EXPECT_FALSE(table[0].claims[4]->held());
    EXPECT_TRUE(table[1].claims[4]->held()) << "that of the dead is not ours to free";
    EXPECT_FALSE(table[0].owners[4]->held());
}

// R7: a claim that was won leaves no stamp.
TEST(Slots, AWinnerFreesItsClaimBlocks) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    Claimant claimant(cluster, roster, {4, 5});
    claimant.finish();
    EXPECT_EQ(claimant.won.size(), 2U);
    for (const TableCopy& copy : table_of(cluster)) {
        EXPECT_FALSE(copy.claims[4]->held());
        EXPECT_EQ(copy.owners[5]->state, SlotState::taken);
    }
}

// R13: where all that is left is barred by the stamps of the dead, a joiner settles a slot itself.
TEST(Slots, AJoinerSettlesWhatTheDeadHaveBarred) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(7));
    const Roster roster = *cluster.assemble();
    {
        const Claimant killed(cluster, roster, {7}, "dead");
        cluster.queue.run_all();  // it has stamped the last slot that is free
    }
    HostLocks away;
    std::vector<std::string> said;
    const Instant before = cluster.clock.now();
    Process process(cluster, away, host_named("away"), std::nullopt, std::chrono::hours(1),
                    [&said](const std::string& text) { said.push_back(text); });
    ASSERT_TRUE(process.seated) << process.seated.error().sentence;
    EXPECT_EQ(process.group.seat()->slot, 7U);
    EXPECT_GE(cluster.clock.now() - before, seconds(34));
    EXPECT_LE(cluster.clock.now() - before, seconds(75));
    EXPECT_EQ(said.size(), 1U);
    EXPECT_EQ(table_of(cluster)[0].owners[7]->turn, 3U) << "borrowed, released, taken";
}

}  // namespace
}  // namespace diskpaxos
