// What is said of a group's redundancy, by a table; and whose places blank disks get.
#include <gtest/gtest.h>

#include "group/adopt.hpp"
#include "group/cluster.hpp"
#include "group/redundancy.hpp"

namespace diskpaxos {
namespace {

DiskSet set(std::initializer_list<std::size_t> disks) {
    DiskSet result;
    for (const std::size_t disk : disks) result.insert(disk);
    return result;
}

struct Row {
    const char* what;
    std::size_t disks;
    std::vector<Redundancy::Votes> cells;
    std::vector<Redundancy::Votes> slots;
    Redundancy::Level level;
    std::uint64_t bare;  // cells and slots
    std::uint64_t lost;
};

TEST(Redundancy, ByTheTable) {
    using Level = Redundancy::Level;
    const Redundancy::Votes all3{set({0, 1, 2}), {}};
    const Redundancy::Votes two{set({0, 2}), {}};
    const Redundancy::Votes one{set({1}), {}};
    const Redundancy::Votes hidden{{}, set({0, 1, 2})};
    const Redundancy::Votes hidden_by_one{set({0, 1}), set({2})};
    const Redundancy::Votes four{set({0, 1, 2, 3}), {}};
    const Redundancy::Votes five{set({0, 1, 2, 3, 4}), {}};
    const Redundancy::Votes alone{set({0}), {}};
    const Row rows[] = {
        {"all vote", 3, {all3, all3}, {all3}, Level::full, 0, 0},
        {"no slots", 3, {all3}, {}, Level::full, 0, 0},
        {"a cell has two of three", 3, {all3, two}, {all3}, Level::degraded, 1, 0},
        {"a slot has", 3, {all3}, {two, all3}, Level::degraded, 1, 0},
        {"a cell has one", 3, {all3, one}, {all3}, Level::no_majority, 1, 1},
        {"a slot has", 3, {all3}, {one, two}, Level::no_majority, 2, 1},
        {"four of five", 5, {five, four}, {}, Level::degraded, 0, 0},
        {"one disk", 1, {alone}, {alone}, Level::full, 2, 0},
        {"what we may not see is not accused", 3, {all3, hidden}, {}, Level::full, 0, 0},
        {"nor by one disk", 3, {hidden_by_one}, {}, Level::full, 0, 0},
        {"nothing is for us to see", 3, {hidden, hidden}, {}, Level::unseen, 0, 0},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.what);
        const Redundancy votes{row.disks, row.cells, row.slots};
        EXPECT_EQ(votes.level(), row.level);
        EXPECT_EQ(votes.bare_cells() + votes.bare_slots(), row.bare);
        EXPECT_EQ(votes.lost_cells() + votes.lost_slots(), row.lost);
    }
}

TEST(Redundancy, PerDisk) {
    const Redundancy votes{3, {{set({0, 1}), set({2})}, {set({0}), {}}}, {{set({0, 1, 2}), {}}}};
    EXPECT_EQ(votes.cells_of(0), 2U);
    EXPECT_EQ(votes.cells_of(1), 1U);
    EXPECT_EQ(votes.unseen_of(2), 1U);
    EXPECT_EQ(votes.slots_of(2), 1U);
    EXPECT_TRUE(votes.votes_for_all(0));
    EXPECT_FALSE(votes.votes_for_all(1));
    EXPECT_FALSE(votes.votes_for_all(2));
}

class Blank : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(cluster.format()); }
    void wipe(std::size_t disk, std::uint64_t from = 0) {
        for (std::uint64_t block = from; block < cluster.geometry.blocks(); ++block) {
            std::ranges::fill(cluster.disks[disk]->at(block), std::byte{0});
        }
    }
    Cluster cluster;
};

TEST_F(Blank, OneThatIsMissingIsNotReasonEnough) {
    wipe(2);
    Roster roster = *cluster.assemble();
    const auto outcome = cluster.run(Adoption(cluster.world, roster).run());
    EXPECT_TRUE(outcome.adopted.empty());
    ASSERT_EQ(outcome.left.size(), 1U);
    EXPECT_TRUE(outcome.left[0].blank);
    EXPECT_EQ(roster.members[2], nullptr);
    const auto by_word = cluster.run(Adoption(cluster.world, roster, 2).run());
    ASSERT_EQ(by_word.adopted.size(), 1U);
    EXPECT_TRUE(by_word.adopted[0].by_word);
    EXPECT_EQ(roster.members[2], cluster.disks[2].get());
}

TEST_F(Blank, APlaceThatIsTakenIsNotGivenAway) {
    wipe(2);
    Roster roster = *cluster.assemble();
    const auto outcome = cluster.run(Adoption(cluster.world, roster, 0).run());
    EXPECT_TRUE(outcome.adopted.empty());
    EXPECT_EQ(roster.members[0], cluster.disks[0].get());
}

TEST_F(Blank, OneBlockThatSurvivedIsEnough) {
    for (const std::uint64_t block : {std::uint64_t{0}, cluster.geometry.superblock_last()}) {
        std::ranges::fill(cluster.disks[1]->at(block), std::byte{0});
    }
    Roster roster = *cluster.assemble();
    const auto outcome = cluster.run(Adoption(cluster.world, roster).run());
    ASSERT_EQ(outcome.adopted.size(), 1U);
    EXPECT_EQ(outcome.adopted[0].index, 1U);
    EXPECT_FALSE(outcome.adopted[0].by_word);
}

}  // namespace
}  // namespace diskpaxos
