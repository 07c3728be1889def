// A name that a majority has lost is given up: what comes after lies above all that came before,
// also for a process that still has the old value in its memory (give_up.hpp).
#include <gtest/gtest.h>

#include "group/cluster.hpp"
#include "group/give_up.hpp"
#include "group/heal.hpp"

namespace diskpaxos {
namespace {

class GivingUpTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(cluster.format()); }

    std::unique_ptr<Process> process() {
        auto one = std::make_unique<Process>(cluster, home, host_named("home"));
        EXPECT_TRUE(one->seated);
        return one;
    }
    Result<Named> set(Process& by, std::string value) {
        return cluster.run(set_value(by.directory, "x", std::move(value), cluster.soon()));
    }
    // The only one that is not initial, as disk 0 has it.
    std::uint32_t cell_in_use(Process& by) {
        const auto read = [](Rows& rows, std::uint32_t cell) -> Task<bool> {
            co_await rows.read(cell, 1);
            co_return true;
        };
        for (std::uint32_t cell = 0; cell < cluster.geometry.cells; ++cell) {
            Rows rows(cluster.world, by.group.roster());
            cluster.run(read(rows, cell));
            for (Place place = 0; place < cluster.geometry.places(); ++place) {
                if (rows.copies(cell, place)[0].state == BlockState::valid) return cell;
            }
        }
        ADD_FAILURE() << "no cell is in use";
        return 0;
    }
    void lose(std::uint32_t cell, std::size_t disk) {
        const Extent row = cluster.geometry.row(cell);
        for (std::uint64_t block = row.first; block < row.first + row.count; ++block) {
            std::ranges::fill(cluster.disks[disk]->at(block), std::byte{1});
        }
    }
    // Of all slots, those in use as well: their users do that themselves, and here they stand
    // still.
    HealReport heal(std::uint32_t given_up) {
        const Roster roster = *cluster.assemble();
        HostLocks nobody_works;
        HostLocks::OfProcess locks(nobody_works);
        HealWish wish;
        wish.give_up = given_up;
        Healer healer(cluster.world, roster, rule, locks, host_named("home"), wish);
        auto report = cluster.run(healer.run(cluster.soon()));
        EXPECT_TRUE(report) << report.error().sentence;
        return report.value_or(HealReport());
    }
    static void unset(const CellView&, Draft& draft) {
        draft.state = CellState::deleted;
        draft.value.clear();
    }

    Cluster cluster;
    Threshold rule = Threshold::majority(3);
    HostLocks home;
};

TEST_F(GivingUpTest, OnlyWhatAMajorityHasLost) {
    auto old = process();
    ASSERT_TRUE(set(*old, "v"));
    GivingUp giving(old->group);
    EXPECT_EQ(cluster.run(giving.find("x")).error().code, Code::no);
    EXPECT_EQ(cluster.run(giving.find("nothing")).error().code, Code::no);
}

// Silence is not damage: the disk that says nothing may hold what was acknowledged last.
TEST_F(GivingUpTest, NothingIsLostWhileADiskDoesNotShowItsRow) {
    auto old = process();
    ASSERT_TRUE(set(*old, "v"));
    auto person = process();
    const std::uint32_t cell = cell_in_use(*person);
    lose(cell, 1);
    GivingUp giving(person->group);
    cluster.disks[2]->mood = MemoryDisk::Mood::failing;
    Result<LostName> lost = cluster.run(giving.find("x"));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::no_quorum);
    EXPECT_NE(lost.error().sentence.find("disk 3 cannot be read"), std::string::npos)
        << lost.error().sentence;
    cluster.disks[2]->mood = MemoryDisk::Mood::ok;
    EXPECT_EQ(cluster.run(giving.find("x")).error().code, Code::no) << "two of three have it";
    // Two are damaged, which is a majority, and the third may still be the one that knows.
    lose(cell, 2);
    cluster.disks[0]->mood = MemoryDisk::Mood::silent;
    lost = cluster.run(giving.find("x"));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::no_quorum);
    cluster.disks[0]->release();
}

// Between the look and the deed a person was asked.
TEST_F(GivingUpTest, ItIsSeenAgainThatItIsLost) {
    auto old = process();
    ASSERT_TRUE(set(*old, "v"));
    auto person = process();
    const std::uint32_t cell = cell_in_use(*person);
    const std::uint64_t first = cluster.geometry.row(cell).first;
    const std::uint64_t blocks = cluster.geometry.row(cell).count;
    Bytes before;
    for (std::uint64_t block = first; block < first + blocks; ++block) {
        before.insert(before.end(), cluster.disks[1]->at(block).begin(),
                      cluster.disks[1]->at(block).end());
    }
    lose(cell, 1);
    lose(cell, 2);
    GivingUp giving(person->group);
    const Result<LostName> lost = cluster.run(giving.find("x"));
    ASSERT_TRUE(lost) << lost.error().sentence;
    cluster.disks[0]->mood = MemoryDisk::Mood::failing;
    EXPECT_EQ(cluster.run(giving.run(*lost, "x", unset)).error().code, Code::no_quorum);
    cluster.disks[0]->mood = MemoryDisk::Mood::ok;
    std::ranges::copy(before, cluster.disks[1]->at(first).data());
    EXPECT_EQ(cluster.run(giving.run(*lost, "x", unset)).error().code, Code::no);
    EXPECT_TRUE(set(*old, "w"));
}

TEST_F(GivingUpTest, WhoRemembersTheOldValueGoesOnAboveTheLeap) {
    auto old = process();
    ASSERT_TRUE(set(*old, "v"));
    ASSERT_EQ(set(*old, "w")->version, 2U);
    auto person = process();
    const std::uint32_t cell = cell_in_use(*person);
    lose(cell, 1);
    lose(cell, 2);
    EXPECT_EQ(set(*old, "lost").error().code, Code::unknown_outcome);
    GivingUp giving(person->group);
    const Result<LostName> lost = cluster.run(giving.find("x"));
    ASSERT_TRUE(lost) << lost.error().sentence;
    EXPECT_EQ(lost->cell, cell);
    EXPECT_TRUE(lost->named);
    EXPECT_GE(lost->version, 2U);
    const Result<std::uint64_t> version = cluster.run(giving.run(*lost, "x", unset));
    ASSERT_TRUE(version) << version.error().sentence;
    EXPECT_GE(*version, GivingUp::versions + 2);
    // The row is still damaged on a majority: nobody is counted there, and nobody sees the
    // successor.
    EXPECT_FALSE(set(*old, "too early"));
    person.reset();
    heal(cell);
    const Result<Named> after = set(*old, "again");
    ASSERT_TRUE(after) << after.error().sentence;
    EXPECT_GT(after->version, *version);
    auto reader = process();
    const auto seen = cluster.run(reader->directory.get("x", cluster.soon()));
    ASSERT_TRUE(seen) << seen.error().sentence;
    EXPECT_EQ(as_text(seen->value), "again");
}

}  // namespace
}  // namespace diskpaxos
