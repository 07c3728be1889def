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

TEST(Geometry, GivesEveryBlockToOneUseOnly) {
    for (const std::uint32_t block_size : {512U, 4096U}) {
        for (const std::uint32_t slots : {1U, 3U, 32U, 128U}) {
            for (const std::uint32_t ring : {1U, 2U, 3U}) {
                const Geometry g{block_size, slots, ring, 5};
                std::vector<int> used(g.blocks());
                const auto use = [&used](std::uint64_t first, std::uint64_t count) {
                    for (std::uint64_t b = first; b < first + count; ++b) ++used.at(b);
                };
                use(g.superblock_first(), 4096 / block_size);
                use(g.superblock_last(), 4096 / block_size);
                for (std::uint32_t slot = 0; slot < slots; ++slot) {
                    use(g.claim_block(slot), 1);
                    use(g.owner_block(slot), 1);
                    for (std::uint32_t cell = 0; cell < g.cells; ++cell) {
                        for (std::uint32_t r = 0; r < ring; ++r) use(g.block(cell, slot, r), 1);
                    }
                }
                for (const int times : used) EXPECT_LE(times, 1);
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
        {{512, 32, 2, 256}, true},        {{4096, 128, 4, 1U << 20}, true},
        {{512, 1, 1, 1}, true},           {{1024, 32, 2, 256}, false},
        {{512, 0, 2, 256}, false},        {{512, 129, 2, 256}, false},
        {{512, 32, 0, 256}, false},       {{512, 32, 5, 256}, false},
        {{512, 32, 2, 0}, false},         {{512, 32, 2, (1U << 20) + 1}, false},
    };
    for (const auto& row : rows) {
        const char* objection = row.geometry.objection();
        EXPECT_EQ(objection == nullptr, row.good) << (objection == nullptr ? "" : objection);
    }
}

}  // namespace
}  // namespace diskpaxos
