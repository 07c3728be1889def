// summarise: what all the blocks of a row say together.
#include "register/row.hpp"

#include <gtest/gtest.h>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr Rank rank(std::uint64_t round, std::uint16_t slot) { return {round, Proposer::of(slot, 1)}; }

class RowTest : public testing::Test {
  protected:
    Testbed bed{1};

    void write(Place place, Rank promised, Rank accepted, std::string_view value, Rank committed = {}) {
        bed.put(0, place,
                {.incarnation = promised.proposer,
                 .seq = 1,
                 .promised = promised,
                 .accepted = accepted,
                 .committed = committed,
                 .value = as_bytes(value)});
    }
    RowSummary sum(Place own = no_place, Proposer aside = nobody) {
        const Extent row = Testbed::small.row(0);
        const std::span<std::byte> first = bed.disk(0).at(row.first);
        return summarise({first.data(), row.count * 512}, bed.address(0), own, aside);
    }
};

TEST_F(RowTest, OfInitialBlocksSaysNothing) {
    const RowSummary row = sum(3);
    EXPECT_TRUE(row.whole());
    EXPECT_TRUE(row.highest.none());
    EXPECT_TRUE(row.accepted.none());
    EXPECT_EQ(row.own.state, BlockState::initial);
}

TEST_F(RowTest, TakesEachMaximumByItself) {
    write(0, rank(9, 0), rank(2, 0), "old", rank(2, 0));
    write(3, rank(5, 1), rank(4, 1), "new", rank(1, 1));
    write(6, rank(7, 3), {}, "");
    const RowSummary row = sum(3, rank(9, 0).proposer);
    EXPECT_EQ(row.highest, rank(9, 0));
    EXPECT_EQ(row.promised, rank(7, 3));  // without the one that is set aside
    EXPECT_EQ(row.accepted, rank(4, 1));  // by accepted rank, whatever was promised above it
    EXPECT_EQ(as_text(row.value), "new");
    EXPECT_EQ(row.committed, rank(2, 0));
    EXPECT_EQ(row.own.state, BlockState::valid);
    EXPECT_EQ(row.own.block.accepted, rank(4, 1));
}

TEST_F(RowTest, WithOneUnknownBlockIsNotWhole) {
    write(3, rank(5, 1), rank(4, 1), "new");
    bed.spoil(0, 5);
    bed.spoil(0, 7);
    const RowSummary row = sum();
    EXPECT_FALSE(row.whole());
    EXPECT_EQ(row.damage, Damage::checksum);
    EXPECT_EQ(row.damaged, 5U);
    EXPECT_EQ(row.highest, rank(5, 1));  // still a hint of the rank to beat
}

TEST_F(RowTest, KnowsABlockThatBelongsElsewhere) {
    write(3, rank(5, 1), rank(4, 1), "new");
    std::ranges::copy(bed.bytes(0, 3), bed.bytes(0, 4).begin());
    EXPECT_EQ(sum().damage, Damage::misplaced);
    EXPECT_EQ(sum().damaged, 4U);
}

TEST_F(RowTest, WithABlankBlockIsNotWhole) {
    std::ranges::fill(bed.bytes(0, 1), std::byte{0});
    EXPECT_EQ(sum().damage, Damage::blank);
}

TEST(RowAddress, CountsPlacesSlotByRing) {
    const Geometry geometry{.block_size = 512, .slots = 4, .ring = 3, .cells = 2};
    RowAddress row;
    row.geometry = &geometry;
    row.cell = 1;
    EXPECT_EQ(row.block(7).slot, 2);
    EXPECT_EQ(row.block(7).ring, 1);
    EXPECT_EQ(geometry.block(1, 2, 1), geometry.row(1).first + 7);
}

}  // namespace
}  // namespace diskpaxos
