// Geometry: where things are on a disk. These numbers are on people's disks: they do not change.
#include "disk/geometry.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace diskpaxos {
namespace {

constexpr Geometry small_blocks{};
constexpr Geometry large_blocks{.block_size = 4096};

TEST(Geometry, OneReadOfTheDefaultRowIs32KiB) {
    EXPECT_EQ(small_blocks.row(0).count * small_blocks.block_size, 32U * 1024);
}

TEST(Geometry, HasTheseNumbersByDefault) {
    const struct {
        Geometry geometry;
        std::uint64_t last, claim, table, cells, row1, blocks, bytes;
    } rows[] = {
        // 8 for the superblock, 2 × 32 for the slots, 256 rows of 64, 8 for the second superblock
        {small_blocks, 16456, 8, 64, 72, 136, 16464, 16464 * 512},
        // 1 for the superblock; no rounding is needed
        {large_blocks, 16449, 1, 64, 65, 129, 16450, 16450 * 4096},
    };
    for (const auto& row : rows) {
        const Geometry& g = row.geometry;
        EXPECT_EQ(g.superblock_first(), 0U);
        EXPECT_EQ(g.superblock_last(), row.last);
        EXPECT_EQ(g.claim_block(0), row.claim);
        EXPECT_EQ(g.owner_block(0), row.claim + 1);
        EXPECT_EQ(g.slot_table().first, row.claim);
        EXPECT_EQ(g.slot_table().count, row.table);
        EXPECT_EQ(g.row(0).first, row.cells);
        EXPECT_EQ(g.row(1).first, row.row1);
        EXPECT_EQ(g.blocks(), row.blocks);
        EXPECT_EQ(g.bytes(), row.bytes);
    }
}

std::vector<int> uses_of_blocks(const Geometry& g) {
    std::vector<int> used(g.blocks());
    const auto use = [&used](std::uint64_t first, std::uint64_t count) {
        for (std::uint64_t b = first; b < first + count; ++b) ++used.at(b);
    };
    use(g.superblock_first(), 4096 / g.block_size);
    use(g.superblock_last(), 4096 / g.block_size);
    for (std::uint32_t slot = 0; slot < g.slots; ++slot) {
        use(g.claim_block(slot), 1);
        use(g.owner_block(slot), 1);
    }
    for (std::uint32_t cell = 0; cell < g.cells; ++cell) {
        for (std::uint32_t tier = 1; tier <= g.doors(); ++tier) use(g.door(cell, tier), 1);
        for (std::uint32_t slot = 0; slot < g.slots; ++slot) {
            for (std::uint32_t r = 0; r < g.ring; ++r) use(g.block(cell, slot, r), 1);
        }
    }
    return used;
}

TEST(Geometry, GivesEveryBlockToOneUseOnly) {
    for (const std::uint32_t block_size : {512U, 4096U}) {
        for (const std::uint32_t slots : {1U, 3U, 32U, 128U}) {
            for (const std::uint32_t ring : {1U, 2U, 3U}) {
                for (const std::uint32_t tier : {0U, 1U, 2U, 5U, 8U}) {
                    const Geometry g{block_size, slots, ring, 5, false, tier};
                    if (g.objection() != nullptr) continue;
                    for (const int times : uses_of_blocks(g)) EXPECT_LE(times, 1);
                }
            }
        }
    }
}

TEST(Geometry, PutsRowsAndSuperblocksWhereDisksOf4096BytesCanReadThem) {
    for (const std::uint32_t slots : {1U, 5U, 32U, 127U}) {
        const Geometry g{512, slots, 1, 3};
        EXPECT_EQ(g.cells_begin() % 8, 0U) << slots;
        EXPECT_EQ(g.superblock_last() % 8, 0U) << slots;
        EXPECT_EQ(g.blocks() % 8, 0U) << slots;
    }
}

TEST(Geometry, RefusesWhatFormatCannotMake) {
    const struct {
        Geometry geometry;
        bool good;
    } rows[] = {
        {{512, 32, 2, 256}, true},
        {{4096, 128, 4, 1U << 20}, true},
        {{512, 1, 1, 1}, true},
        {{1024, 32, 2, 256}, false},
        {{512, 0, 2, 256}, false},
        {{512, 129, 2, 256}, false},
        {{512, 32, 0, 256}, false},
        {{512, 32, 5, 256}, false},
        {{512, 32, 2, 0}, false},
        {{512, 32, 2, (1U << 20) + 1}, false},
        {{512, 32, 2, 1, false, 31}, true},
        {{512, 32, 2, 1, false, 32}, false},
        {{512, 1, 2, 1, false, 1}, false},
        {{512, 128, 2, 1, false, 1}, true},
    };
    for (const auto& row : rows) {
        const char* objection = row.geometry.objection();
        EXPECT_EQ(objection == nullptr, row.good) << (objection == nullptr ? "" : objection);
    }
}

// ---- tiers ----

struct Tiers {
    const char* name;
    Geometry geometry;
    std::vector<std::uint32_t> ends;  // of each tier: the first slot behind it
};

std::vector<Tiers> tiers() {
    const auto shape = [](std::uint32_t slots, std::uint32_t tier, bool active = false) {
        return Geometry{512, slots, 2, 3, active, tier};
    };
    return {
        {"as format makes them", shape(32, 8), {8, 16, 32}},
        {"the most slots", shape(128, 8), {8, 16, 32, 64, 128}},
        {"no power of two", shape(13, 3), {3, 6, 12, 13}},
        {"the last one cut short", shape(20, 8), {8, 16, 20}},
        {"one slot behind the first", shape(9, 8), {8, 9}},
        {"single slots", shape(4, 1), {1, 2, 4}},
        {"the most tiers", shape(128, 1), {1, 2, 4, 8, 16, 32, 64, 128}},
        {"none", shape(32, 0), {32}},
        {"none, on an active disk", shape(32, 8, true), {32}},
    };
}

TEST(Geometry, PutsEverySlotIntoATierAndEachBeginsWhereTheOneBeforeEnds) {
    for (const auto& [name, g, ends] : tiers()) {
        EXPECT_EQ(g.objection(), nullptr) << name;
        EXPECT_EQ(g.doors(), ends.size() - 1) << name;
        std::uint32_t tier = 0;
        for (std::uint32_t slot = 0; slot < g.slots; ++slot) {
            if (slot == ends[tier]) ++tier;
            EXPECT_EQ(g.tier_of(slot), tier) << name << ", slot " << slot;
        }
        for (tier = 0; tier < ends.size(); ++tier) EXPECT_EQ(g.tier_end(tier), ends[tier]) << name;
    }
}

TEST(Geometry, ReachesOverAllDoorsAndToTheEndOfATier) {
    for (const auto& [name, g, ends] : tiers()) {
        if (g.active) continue;
        for (std::uint32_t tier = 0; tier < ends.size(); ++tier) {
            const Extent part = g.reach(1, tier);
            EXPECT_EQ(part.first, g.row(1).first) << name;
            EXPECT_EQ(part.first + part.count, g.block(1, ends[tier] - 1, g.ring - 1) + 1) << name;
        }
        EXPECT_EQ(g.reach(1, g.doors()).count, g.row(1).count) << name;
    }
}

TEST(Geometry, HasTheDoorsAtTheFrontOfARow) {
    const Geometry g{512, 32, 2, 256, false, 8};
    EXPECT_EQ(g.row(0).count, 66U);
    EXPECT_EQ(g.door(1, 1), g.row(1).first);
    EXPECT_EQ(g.door(1, 2), g.row(1).first + 1);
    EXPECT_EQ(g.block(1, 0, 0), g.row(1).first + 2);
    EXPECT_EQ(g.reach(0, 0).count * g.block_size, 9U * 1024) << "two doors, 8 slots of two blocks";
    EXPECT_EQ(g.blocks(), 16464U + 2 * 256);
}

TEST(Geometry, HasNoDoorsWhereARegisterIsOneBlock) {
    const Geometry g{512, 32, 2, 256, true, 8};
    EXPECT_EQ(g.doors(), 0U);
    EXPECT_EQ(g.row(5).count, 1U);
    EXPECT_EQ(g.block(5, 0), g.row(5).first);
    EXPECT_EQ(g.reach(5, 0).count, 1U);
}

}  // namespace
}  // namespace diskpaxos
