// Format and assembly: what belongs together, and what is refused in one sentence.
#include <gtest/gtest.h>

#include "group/cluster.hpp"

namespace diskpaxos {
namespace {

TEST(Format, EveryBlockIsWrittenAndInitial) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const Roster roster = *cluster.assemble();
    for (std::size_t disk = 0; disk < 3; ++disk) {
        for (std::uint32_t cell = 0; cell < cluster.geometry.cells; ++cell) {
            for (std::uint32_t place = 0; place < cluster.geometry.row_blocks(); ++place) {
                const RowAddress row{roster.common.group, Superblock::tag(roster.common.disks[disk]),
                                     cell, &cluster.geometry};
                const ByteView block =
                    cluster.disks[disk]->at(cluster.geometry.row(cell).first + place);
                ASSERT_EQ(decode_block(block, row.block(place)).state, BlockState::initial);
            }
        }
    }
}

TEST(Format, ADiskThatFailsLeavesNoGroup) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    cluster.disks[1]->mood = MemoryDisk::Mood::failing;
    const auto failed = cluster.format();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::io);
    EXPECT_NE(failed.error().sentence.find("b cannot be written: Input/output error"), std::string::npos);
    cluster.disks[1]->mood = MemoryDisk::Mood::ok;
    cluster.disks.pop_back();
    cluster.disks.erase(cluster.disks.begin() + 1);
    EXPECT_FALSE(cluster.assemble()) << "the old group must not be found again on the others";
}

TEST(Format, AnInterruptLeavesNoGroup) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    FormatPlan plan;
    plan.superblock = new_superblock("again", 3, cluster.geometry, 10'000, 0);
    plan.disks = cluster.all();
    bool stop = false;
    std::uint64_t written = 0;
    Formatter formatter(cluster.world, std::move(plan), [&](std::uint64_t bytes) {
        written = bytes;
        stop = bytes > 20'000;
    });
    const auto stopped = cluster.run(formatter.run(stop));
    ASSERT_FALSE(stopped);
    EXPECT_LT(written, formatter.total_bytes());
    EXPECT_FALSE(cluster.assemble());
}

TEST(Assembly, FindsTheDisksInAnyOrder) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    std::vector<Disk*> named = cluster.all();
    std::swap(named[0], named[2]);
    const auto roster = cluster.assemble(named);
    ASSERT_TRUE(roster);
    EXPECT_EQ(roster->names, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_TRUE(roster->notes.empty());
}

TEST(Assembly, AMajorityIsEnoughAndSaid) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const std::vector<Disk*> two{cluster.disks[0].get(), cluster.disks[2].get()};
    const auto roster = cluster.assemble(two);
    ASSERT_TRUE(roster);
    ASSERT_EQ(roster->notes.size(), 1U);
    EXPECT_EQ(roster->notes[0], "only 2 of 3 disks of group test are in use");
    const std::vector<Disk*> one{cluster.disks[0].get()};
    const auto minority = cluster.assemble(one);
    ASSERT_FALSE(minority);
    EXPECT_EQ(minority.error().code, Code::no_quorum);
}

// A disk of another cluster, driven by this one's queue.
void copy_onto(MemoryDisk& to, MemoryDisk& from, const Geometry& geometry) {
    for (std::uint64_t block = 0; block < geometry.blocks(); ++block) {
        std::ranges::copy(from.at(block), to.at(block).begin());
    }
}

TEST(Assembly, ADiskOfAnotherGroupIsLeftAside) {
    Cluster ours, theirs;
    ASSERT_TRUE(ours.format());
    ASSERT_TRUE(theirs.format());
    MemoryDisk foreign(ours.queue, "foreign", 512, ours.geometry.blocks());
    copy_onto(foreign, *theirs.disks[1], ours.geometry);
    std::vector<Disk*> mixed = ours.all();
    for (const std::size_t place : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
        mixed = ours.all();
        mixed[place] = &foreign;
        const auto roster = ours.assemble(mixed);
        ASSERT_TRUE(roster) << roster.error().sentence;
        EXPECT_EQ(roster->present(), 2U);
        EXPECT_EQ(roster->members[place], nullptr);
        ASSERT_EQ(roster->aside.size(), 1U);
        EXPECT_EQ(roster->aside[0].why.find("belongs to group "), 0U);
        EXPECT_TRUE(roster->strangers.empty()) << "nobody may heal it over";
    }
    mixed.erase(mixed.begin());  // one of each
    const auto refused = ours.assemble(mixed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::bad_data);
    EXPECT_NE(refused.error().sentence.find("name disks of one group only"), std::string::npos);
}

TEST(Assembly, OfADiskAndItsCopyNeitherIsUsed) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    MemoryDisk copy(cluster.queue, "copy", 512, cluster.geometry.blocks());
    copy_onto(copy, *cluster.disks[0], cluster.geometry);
    std::vector<Disk*> named = cluster.all();
    named[1] = &copy;
    const auto refused = cluster.assemble(named);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::no_quorum);
    EXPECT_NE(refused.error().sentence.find("one is a copy"), std::string::npos);
    named = cluster.all();
    named.push_back(&copy);
    const auto roster = cluster.assemble(named);
    ASSERT_TRUE(roster) << roster.error().sentence;
    EXPECT_EQ(roster->members[0], nullptr);
    EXPECT_EQ(roster->present(), 2U);
    EXPECT_EQ(roster->aside.size(), 2U);
}

TEST(Assembly, OneDamagedSuperblockIsMadeUpForByTheOther) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    cluster.disks[0]->at(0)[300] ^= std::byte{1};
    cluster.disks[1]->at(cluster.geometry.superblock_last())[300] ^= std::byte{1};
    const auto roster = cluster.assemble();
    ASSERT_TRUE(roster) << roster.error().sentence;
    EXPECT_EQ(roster->present(), 3U);
    EXPECT_EQ(roster->notes.size(), 2U);
}

TEST(Assembly, ANewerFormatIsNotTouched) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    const auto upgrade = [&cluster](std::size_t disk) {
        const ByteSpan block = cluster.disks[disk]->at(0);
        store<std::uint16_t>(block, header_size, format_major + 1);
        const BlockAddress address = address_of(block);
        seal(block, address, 0, load<std::uint16_t>(block, 6));
    };
    upgrade(0);  // a minority is left aside, and its older second copy is not believed
    const auto roster = cluster.assemble();
    ASSERT_TRUE(roster) << roster.error().sentence;
    EXPECT_EQ(roster->present(), 2U);
    EXPECT_EQ(roster->members[0], nullptr);
    EXPECT_TRUE(roster->strangers.empty()) << "nobody may heal it over";
    ASSERT_EQ(roster->aside.size(), 1U);
    EXPECT_NE(roster->aside[0].why.find("newer format"), std::string::npos);
    upgrade(1);
    const auto refused = cluster.assemble();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::bad_data);
    EXPECT_NE(refused.error().sentence.find("newer format"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos
