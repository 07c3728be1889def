// Doors of a group: who makes them, who tells what is wrong with them, who heals them, and whose
// slots lie behind them (disk/door.hpp).
#include <gtest/gtest.h>

#include "group/adopt.hpp"
#include "group/cluster.hpp"
#include "group/heal.hpp"

namespace diskpaxos {
namespace {

class Doors : public ::testing::Test {
  protected:
    // Slots 0 and 1 | 2 and 3 | 4 to 7.
    static constexpr Geometry shape{
        .block_size = 512, .slots = 8, .ring = 2, .cells = 4, .tier = 2};

    explicit Doors(std::size_t active = 0) : cluster(3, shape, active) {}
    void SetUp() override { ASSERT_TRUE(cluster.format()); }

    ByteSpan door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) {
        return cluster.disks[disk]->at(shape.door(cell, tier));
    }
    BlockAddress address(std::size_t disk, std::uint32_t cell, std::uint32_t tier) {
        return cluster.assemble()->row(disk, cell).door(tier);
    }
    DoorState state(std::size_t disk, std::uint32_t cell, std::uint32_t tier) {
        return decode_door(door(disk, cell, tier), address(disk, cell, tier));
    }
    void put(std::size_t disk, std::uint32_t cell, std::uint32_t tier, DoorState state) {
        encode_door(door(disk, cell, tier), address(disk, cell, tier), state);
    }
    std::size_t count(std::size_t disk, DoorState wanted) {
        std::size_t found = 0;
        for (std::uint32_t cell = 0; cell < shape.cells; ++cell) {
            for (std::uint32_t tier = 1; tier <= shape.doors(); ++tier) {
                found += state(disk, cell, tier) == wanted;
            }
        }
        return found;
    }

    void set(std::uint32_t slot, std::string value) {
        Process process(cluster, home, host_named("home"), slot);
        ASSERT_TRUE(process.seated) << process.seated.error().sentence;
        const auto done =
            cluster.run(set_value(process.directory, "x", std::move(value), cluster.soon()));
        ASSERT_TRUE(done) << done.error().sentence;
    }
    std::string get() {
        Process process(cluster, home, host_named("home"), 0);
        const auto named = cluster.run(process.directory.get("x", cluster.soon()));
        return named ? std::string(as_text(named->value)) : "error: " + named.error().sentence;
    }
    std::uint32_t cell_in_use() {
        const Roster roster = *cluster.assemble();
        for (std::uint32_t cell = 0; cell < shape.cells; ++cell) {
            for (Place place = 0; place < shape.places(); ++place) {
                const ByteView block = cluster.disks[0]->at(shape.block(cell, place));
                const Decoded found = decode_block(block, roster.row(0, cell).block(place));
                if (found.state == BlockState::valid) return cell;
            }
        }
        ADD_FAILURE() << "no cell is in use";
        return 0;
    }
    void wipe(std::size_t disk) {
        for (std::uint64_t block = 0; block < shape.blocks(); ++block) {
            std::ranges::fill(cluster.disks[disk]->at(block), std::byte{0});
        }
    }
    CheckReport check() {
        Roster roster = *cluster.assemble();
        cluster.run(Adoption(cluster.world, roster, roster.only_missing()).run());
        Checker checker(cluster.world, roster, rule);
        return cluster.run(checker.run());
    }
    HealReport heal() {
        Roster roster = *cluster.assemble();
        cluster.run(Adoption(cluster.world, roster, roster.only_missing()).run());
        HostLocks::OfProcess locks(home);
        Healer healer(cluster.world, roster, rule, locks, host_named("home"));
        auto report = cluster.run(healer.run(cluster.soon()));
        EXPECT_TRUE(report) << report.error().sentence;
        return report.value_or(HealReport());
    }

    Cluster cluster;
    Threshold rule = Threshold::majority(3);
    HostLocks home;
};

TEST_F(Doors, AreClosedByFormatAndOpenedByWhoGoesThrough) {
    EXPECT_EQ(count(0, DoorState::closed), 8U);
    set(0, "before all doors");
    EXPECT_EQ(count(0, DoorState::closed), 8U);
    set(5, "behind the second door");
    const std::uint32_t cell = cell_in_use();
    for (std::size_t disk = 0; disk < 3; ++disk) {
        EXPECT_EQ(count(disk, DoorState::closed), 7U);
        EXPECT_EQ(state(disk, cell, 2), DoorState::open);
    }
    EXPECT_EQ(get(), "behind the second door");
    EXPECT_TRUE(check().sound());
}

// ---- check ----

TEST_F(Doors, AreCountedAmongTheBlocks) {
    const CheckReport fresh = check();
    EXPECT_TRUE(fresh.sound());
    EXPECT_EQ(fresh.disks[0].blocks, 4U * (16 + 2));
    EXPECT_EQ(fresh.disks[0].initial, fresh.disks[0].blocks);
    set(2, "x");
    EXPECT_EQ(check().disks[0].initial, fresh.disks[0].blocks - 2) << "a block, and its door";
}

TEST_F(Doors, CheckTellsOfADamagedOne) {
    door(1, 3, 2)[200] ^= std::byte{1};
    std::ranges::fill(door(1, 3, 1), std::byte{0});
    const CheckReport report = check();
    EXPECT_EQ(report.disks[1].verdict(), DiskVerdict::damaged);
    EXPECT_EQ(report.disks[1].damaged, 2U);
    EXPECT_EQ(report.disks[1].by_damage[static_cast<std::size_t>(Damage::blank)], 1U);
    ASSERT_EQ(report.disks[1].examples.size(), 2U);
    EXPECT_EQ(report.disks[1].examples[0], "cell 3 door 1: blank");
    EXPECT_EQ(report.disks[1].examples[1], "cell 3 door 2: checksum");
    EXPECT_EQ(report.cells_without_quorum, 0U) << "one reads on behind it";
}

TEST_F(Doors, CheckTellsOfOneThatIsClosedBeforeBlocksInUse) {
    set(2, "hidden");
    const std::uint32_t cell = cell_in_use();
    put(0, cell, 1, DoorState::closed);
    const CheckReport report = check();
    EXPECT_EQ(report.disks[0].verdict(), DiskVerdict::damaged);
    EXPECT_EQ(report.disks[0].damaged, 1U);
    EXPECT_EQ(report.disks[0].examples[0],
              "cell " + std::to_string(cell) + " door 1: closed before blocks in use");
    EXPECT_EQ(report.disks[1].verdict(), DiskVerdict::sound);
}

// A row is not read in one moment: the door first, and then what somebody has just written behind
// it.
TEST_F(Doors, CheckIsNotMisledByWhoGoesThroughMeanwhile) {
    set(2, "x");
    const std::uint32_t cell = cell_in_use();
    put(0, cell, 1, DoorState::closed);
    const BlockAddress its = address(0, cell, 1);
    const Roster roster = *cluster.assemble();
    Checker checker(cluster.world, roster, rule);
    MemoryDisk& disk = *cluster.disks[0];
    unsigned reads = 0;
    std::function<void()> after_rows = [&] {  // after two superblocks, the slot table, the rows
        if (++reads < 4)
            disk.after_read = after_rows;
        else
            encode_door(door(0, cell, 1), its, DoorState::open);
    };
    disk.after_read = after_rows;
    const CheckReport report = cluster.run(checker.run());
    EXPECT_EQ(reads, 4U);
    EXPECT_TRUE(report.sound());
}

// ---- healing ----

TEST_F(Doors, ADamagedOneIsOpened) {
    door(1, 3, 2)[200] ^= std::byte{1};
    EXPECT_EQ(heal().blocks, 1U);
    EXPECT_EQ(state(1, 3, 2), DoorState::open) << "never closed again: somebody may go through";
    EXPECT_TRUE(check().sound());
}

TEST_F(Doors, OneThatIsClosedBeforeBlocksInUseIsOpened) {
    set(2, "hidden");
    const std::uint32_t cell = cell_in_use();
    put(0, cell, 1, DoorState::closed);
    EXPECT_EQ(heal().blocks, 1U);
    EXPECT_EQ(state(0, cell, 1), DoorState::open);
    EXPECT_TRUE(check().sound());
}

TEST_F(Doors, ADiskThatMissedWritesHasItsDoorOpenedBeforeItCatchesUp) {
    {
        Process process(cluster, home, host_named("home"), 5);
        cluster.disks[2]->mood = MemoryDisk::Mood::failing;
        ASSERT_TRUE(cluster.run(set_value(process.directory, "x", "1", cluster.soon())));
    }
    cluster.disks[2]->mood = MemoryDisk::Mood::ok;
    const std::uint32_t cell = cell_in_use();
    EXPECT_EQ(state(2, cell, 2), DoorState::closed);
    EXPECT_EQ(check().disks[2].verdict(), DiskVerdict::stale);
    MemoryDisk& disk = *cluster.disks[2];
    const BlockAddress its = address(2, cell, 2);
    bool open_first = false;
    disk.asked = [&](const Io& io) {
        if (io.kind != Io::Kind::write || io.to.first != shape.block(cell, 5, 0)) return;
        open_first = decode_door(door(2, cell, 2), its) == DoorState::open;
    };
    EXPECT_EQ(heal().blocks, 2U) << "the door, and the block";
    EXPECT_TRUE(open_first);
    EXPECT_EQ(check().disks[2].verdict(), DiskVerdict::sound);
}

TEST_F(Doors, NothingIsHealedBehindADoorThatCannotBeOpened) {
    set(5, "1");
    const std::uint32_t cell = cell_in_use();
    MemoryDisk& disk = *cluster.disks[2];
    const ByteSpan block = disk.at(shape.block(cell, 5, 0));
    put(2, cell, 2, DoorState::closed);
    encode_initial(block, cluster.assemble()->row(2, cell).block(10));
    const Bytes before(block.begin(), block.end());
    disk.asked = [&](const Io& io) {
        const bool bad = io.kind == Io::Kind::write && io.to.first == shape.door(cell, 2);
        disk.mood = bad ? MemoryDisk::Mood::failing : MemoryDisk::Mood::ok;
    };
    EXPECT_EQ(heal().failed, 1U);
    EXPECT_EQ(state(2, cell, 2), DoorState::closed);
    EXPECT_TRUE(std::ranges::equal(block, before));
}

// A healed disk is read whole; the others still need not be.
TEST_F(Doors, OfTheOtherDisksStayClosedWhenAWipedOneIsHealed) {
    set(2, "kept");
    const std::uint32_t cell = cell_in_use();
    wipe(1);
    EXPECT_EQ(check().disks[1].by_damage[static_cast<std::size_t>(Damage::blank)],
              shape.cells * shape.row_blocks());
    const HealReport healed = heal();
    EXPECT_EQ(healed.blocks, shape.cells * shape.row_blocks());
    EXPECT_EQ(count(1, DoorState::open), 8U);
    EXPECT_EQ(count(0, DoorState::closed), 7U);
    EXPECT_EQ(count(2, DoorState::closed), 7U);
    EXPECT_EQ(state(0, cell, 1), DoorState::open);
    EXPECT_TRUE(check().sound());
    wipe(2);  // now the healed disk is needed
    EXPECT_EQ(get(), "kept");
}

TEST_F(Doors, ADamagedBlockBehindAClosedOneIsInitialAgain) {
    cluster.disks[0]->at(shape.block(1, 6, 0))[200] ^= std::byte{1};
    EXPECT_FALSE(check().sound());
    EXPECT_EQ(heal().blocks, 1U);
    EXPECT_EQ(count(0, DoorState::closed), 8U);
    EXPECT_TRUE(check().sound());
}

// ---- disks of both kinds ----

class DoorsOfMixedGroups : public Doors {
  protected:
    DoorsOfMixedGroups() : Doors(1) {}
};

TEST_F(DoorsOfMixedGroups, AreOnPassiveDisksOnly) {
    const Roster roster = *cluster.assemble();
    EXPECT_EQ(roster.geometry(0).doors(), 2U);
    EXPECT_EQ(roster.geometry(2).doors(), 0U);
    set(4, "1");
    EXPECT_EQ(count(0, DoorState::open), 1U);
    EXPECT_EQ(get(), "1");
    const CheckReport report = check();
    EXPECT_TRUE(report.sound());
    EXPECT_EQ(report.disks[0].blocks, 4U * 18);
    EXPECT_EQ(report.disks[2].blocks, 4U);
}

}  // namespace
}  // namespace diskpaxos
