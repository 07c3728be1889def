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

TEST(Assembly, RefusesWhatDoesNotBelongTogether) {
    Cluster ours, theirs;
    ASSERT_TRUE(ours.format());
    ASSERT_TRUE(theirs.format());
    std::vector<Disk*> mixed = ours.all();
    mixed[1] = theirs.disks[1].get();
    // The foreign disk answers from its own queue; let both be driven by ours.
    const std::size_t size = ours.geometry.block_size;
    MemoryDisk foreign(ours.queue, "foreign", ours.geometry.block_size, ours.geometry.blocks());
    for (std::uint64_t block = 0; block < ours.geometry.blocks(); ++block) {
        std::ranges::copy(theirs.disks[1]->at(block), foreign.at(block).first(size).begin());
    }
    mixed[1] = &foreign;
    const auto refused = ours.assemble(mixed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::bad_data);
    EXPECT_EQ(refused.error().sentence.find("foreign belongs to group "), 0U);
}

TEST(Assembly, RefusesTheSameDiskTwice) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format());
    MemoryDisk copy(cluster.queue, "copy", 512, cluster.geometry.blocks());
    for (std::uint64_t block = 0; block < cluster.geometry.blocks(); ++block) {
        std::ranges::copy(cluster.disks[0]->at(block), copy.at(block).begin());
    }
    std::vector<Disk*> named = cluster.all();
    named[1] = &copy;
    const auto refused = cluster.assemble(named);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::usage);
    EXPECT_EQ(refused.error().sentence.find("a and copy are the same disk"), 0U);
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
    const ByteSpan block = cluster.disks[0]->at(0);
    const Superblock superblock = *decode_superblock(
        cluster.run([](Cluster& c) -> Task<IoPtr> {
            IoPtr io = c.disks[0]->prepare(Io::Kind::read, Extent{}, Extent{0, 8});
            io = co_await Transfer(*c.disks[0], std::move(io));
            co_return io;
        }(cluster))->in.bytes(), 0);
    store<std::uint16_t>(block, header_size, format_major + 1);
    BlockAddress address = address_of(block);
    seal(block, address, 0, load<std::uint16_t>(block, 6));
    EXPECT_EQ(superblock.name, "test");
    for (auto& disk : cluster.disks) std::ranges::fill(disk->at(cluster.geometry.superblock_last()), std::byte{0});
    const auto refused = cluster.assemble();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::bad_data);
    EXPECT_NE(refused.error().sentence.find("newer format"), std::string::npos);
}

}  // namespace
}  // namespace diskpaxos
