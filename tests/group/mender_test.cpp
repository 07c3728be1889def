// What a process does for the blocks of its own slot where a disk has lost them (src/group/mender.hpp).
#include "group/mender.hpp"

#include <gtest/gtest.h>

#include "group/cluster.hpp"
#include "group/keeper.hpp"

namespace diskpaxos {
namespace {

using std::chrono::seconds;

constexpr Duration ttl = seconds(10);

class Mending : public ::testing::Test {
  protected:
    Mending() {
        CHECK(cluster.format(1));
        here.emplace(cluster, kernels["home"], host_named("home"));
        there.emplace(cluster, kernels["other"], host_named("other"));
        CHECK(here->seated && there->seated);
    }

    void set(Process& process, std::string name, std::string value) {
        const auto done = cluster.run(
            set_value(process.directory, std::move(name), std::move(value), cluster.soon()));
        ASSERT_TRUE(done) << done.error().sentence;
    }
    // All but the superblocks, or only the rows.
    void wipe(std::size_t disk, bool table = false) {
        const Geometry& geometry = cluster.geometry;
        const Extent rows{geometry.row(0).first, geometry.cells * geometry.row_blocks()};
        wipe(disk, rows);
        if (table) wipe(disk, geometry.slot_table());
    }
    void wipe(std::size_t disk, Extent what) {
        for (std::uint64_t block = what.first; block < what.first + what.count; ++block) {
            std::ranges::fill(cluster.disks[disk]->at(block), std::byte{0});
        }
    }
    Roster roster() { return *cluster.assemble(); }
    CheckReport check() {
        const Roster all = roster();
        Checker checker(cluster.world, all, rule);
        return cluster.run(checker.run());
    }
    bool votes(std::size_t disk, const Process& process) {
        return check().votes.slots[process.group.seat()->slot].of.contains(disk);
    }
    Mender::Report mend(Process& process) {
        Mender mender(process.group);
        return cluster.run(mender.mend_all());
    }
    // As much as it lives, in pretended time.
    void live(Process& process, Duration time) {
        Mender mender(process.group);
        Scope scope(cluster.queue);
        scope.spawn(mender.keep());
        cluster.run(pass(time));
    }
    Task<bool> pass(Duration time) {
        co_await cluster.clock.sleep(time);
        co_return true;
    }

    Cluster cluster{3, {.block_size = 512, .slots = 2, .ring = 2, .cells = 6}};
    Threshold rule = Threshold::majority(3);
    std::map<std::string, HostLocks> kernels;
    std::optional<Process> here;
    std::optional<Process> there;
};

// Of cells that it has changed, of such that it has only looked at, and of such that it does not know.
TEST_F(Mending, EachUserMakesItsOwnSlotWhole) {
    set(*here, "x", "1");
    set(*there, "x", "2");
    wipe(1);
    EXPECT_FALSE(votes(1, *here));
    EXPECT_EQ(mend(*here).left, 0U);
    EXPECT_TRUE(votes(1, *here));
    EXPECT_FALSE(votes(1, *there));
    EXPECT_EQ(mend(*there).left, 0U);
    EXPECT_TRUE(votes(1, *there));
    EXPECT_EQ(mend(*here).mended, 0U);  // nothing is left to do
}

TEST_F(Mending, AWipedDiskIsNoticedWithinATtlAndAQuarter) {
    set(*here, "x", "1");
    wipe(1);
    live(*here, ttl + ttl / 4 + seconds(1));
    EXPECT_TRUE(votes(1, *here));
}

// What was mended counts: with another disk lost, it carries what was committed.
TEST_F(Mending, WhatWasMendedCounts) {
    set(*here, "x", "kept");
    wipe(1);
    here.emplace(cluster, kernels["home"], host_named("home"));  // one that knows nothing
    ASSERT_EQ(mend(*here).left + mend(*there).left, 0U);
    cluster.disks[0]->mood = MemoryDisk::Mood::failing;
    const auto named = cluster.run(there->directory.get("x", cluster.soon()));
    ASSERT_TRUE(named) << named.error().sentence;
    EXPECT_EQ(as_text(named->value), "kept");
    set(*here, "x", "changed");
    cluster.disks[0]->mood = MemoryDisk::Mood::ok;
    EXPECT_EQ(check().rolled_back, 0U);
}

// Never from a minority.
TEST_F(Mending, WhatAMajorityHasLostIsLeftAlone) {
    set(*here, "x", "1");
    here.emplace(cluster, kernels["home"], host_named("home"));
    wipe(0);
    wipe(1);
    const Mender::Report report = mend(*here);
    EXPECT_EQ(report.mended, 0U);
    EXPECT_GT(report.left, 0U);
}

// Only a person gives a disk its identity back.
TEST_F(Mending, ADiskWithoutASuperblockIsLeftAlone) {
    const Roster all = roster();
    wipe(1);
    const std::uint64_t last = cluster.geometry.superblock_last();
    Bytes front(cluster.disks[1]->at(0).begin(), cluster.disks[1]->at(0).end());
    wipe(1, {0, 1});
    Bytes back(cluster.disks[1]->at(last).begin(), cluster.disks[1]->at(last).end());
    wipe(1, {last, 1});
    EXPECT_EQ(mend(*here).mended, 0U);
    std::ranges::copy(front, cluster.disks[1]->at(0).begin());
    EXPECT_GT(mend(*here).mended, 0U);
    EXPECT_TRUE(votes(1, *here));
}

// retire-F1: nothing is written once the disk is another group's, and none of our visits does it later.
TEST_F(Mending, ADiskThatIsAnotherGroupsIsNotTouched) {
    set(*here, "x", "1");
    wipe(1);
    Superblock foreign = roster().common;
    foreign.group.fill(std::byte{7});
    foreign.index = 1;
    encode_superblock(cluster.disks[1]->at(0), foreign, 0);
    encode_superblock(cluster.disks[1]->at(cluster.geometry.superblock_last()), foreign, 1);
    EXPECT_EQ(mend(*here).mended, 0U);
    const MemoryDisk::Counts before = cluster.disks[1]->counts;
    set(*here, "x", "2");
    EXPECT_EQ(cluster.disks[1]->counts.visits, before.visits);
    EXPECT_EQ(cluster.disks[1]->counts.writes, before.writes);
}

// The entries of the slot table: by a claim, after the wait of R3.
TEST_F(Mending, TheKeeperMendsTheEntriesOfItsHost) {
    wipe(1, true);
    SlotKeeper keeper(cluster.world, here->group.roster(), here->group.rule(), here->locks,
                      host_named("home"), std::chrono::hours(1), here->group.seat()->slot);
    Event over;
    {
        Scope scope(cluster.queue);
        scope.spawn(keeper.keep(over));
        cluster.run(pass(10 * ttl));
        over.set();
        cluster.run(pass(ttl));
    }
    const std::uint32_t mine = here->group.seat()->slot;
    const std::uint32_t theirs = there->group.seat()->slot;
    const Roster all = roster();
    TableReader table(cluster.world, all, rule);
    ASSERT_TRUE(cluster.run(table.read(cluster.soon())));
    EXPECT_TRUE(table.copies()[1].owners[mine]);
    EXPECT_TRUE(table.copies()[1].claims[mine]);
    EXPECT_FALSE(table.copies()[1].owners[theirs]);
    EXPECT_EQ(table.copies()[1].owners[mine], table.copies()[0].owners[mine]);
}

}  // namespace
}  // namespace diskpaxos
