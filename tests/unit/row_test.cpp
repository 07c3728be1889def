// summarise: what all the blocks of a row say together.
#include "register/row.hpp"

#include <gtest/gtest.h>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr Rank rank(std::uint64_t round, std::uint16_t slot) {
    return {round, Proposer::of(slot, 1)};
}

class RowTest : public testing::Test {
  protected:
    Testbed bed{1};

    void write(Place place, Rank promised, Rank accepted, std::string_view value,
               Rank committed = {}) {
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

// ---- doors ----

// Slots 0 | 1 | 2 and 3, of one block each, behind two doors.
class DoorsTest : public testing::Test {
  protected:
    static constexpr Geometry shape{
        .block_size = 512, .slots = 4, .ring = 1, .cells = 1, .tier = 1};
    Testbed bed{1, shape};

    ByteSpan door(std::uint32_t tier) { return bed.disk(0).at(shape.door(0, tier)); }
    void open(std::uint32_t tier) {
        encode_door(door(tier), bed.address(0).door(tier), DoorState::open);
    }
    void damage(std::uint32_t tier) { door(tier)[200] ^= std::byte{1}; }
    void write(std::uint16_t slot) {
        bed.put(0, bed.place(slot),
                {.incarnation = rank(5, slot).proposer,
                 .seq = 1,
                 .promised = rank(5 + slot, slot),
                 .accepted = rank(4 + slot, slot),
                 .committed = {},
                 .value = as_bytes("value")});
    }
    RowSummary sum(std::uint32_t tier, Place own = no_place) {
        const Extent part = shape.reach(0, tier);
        const std::span<std::byte> first = bed.disk(0).at(part.first);
        return summarise({first.data(), part.count * 512}, bed.address(0), own, nobody);
    }
};

TEST_F(DoorsTest, AreAllClosedBeforeAnybodyHasBeenThere) {
    const RowSummary row = sum(0);
    EXPECT_TRUE(row.whole());
    EXPECT_EQ(row.closed, 0b110U);
    EXPECT_EQ(row.open, 0U);
    EXPECT_EQ(reach_of(row, shape), 0U);
}

TEST_F(DoorsTest, TheFirstPartOfARowSaysWhatItsSlotsSay) {
    write(0);
    write(1);
    write(2);
    EXPECT_EQ(sum(0).highest, rank(5, 0));
    EXPECT_EQ(sum(1).highest, rank(6, 1));
    EXPECT_EQ(sum(2).highest, rank(7, 2));
    EXPECT_EQ(sum(1, 1).own.state, BlockState::valid);
    EXPECT_EQ(sum(0, 1).own.state, BlockState::unknown) << "it was not read";
}

TEST_F(DoorsTest, OneMustReadUpToTheLastThatIsNotKnownToBeClosed) {
    const struct {
        bool opened[3], damaged[3];  // by tier
        std::uint32_t reach;
    } rows[] = {
        {{}, {}, 0},
        {{false, true, false}, {}, 1},
        {{false, false, true}, {}, 2},  // who is in tier 2 may be the only one
        {{false, true, true}, {}, 2},
        {{}, {false, true, false}, 1},
        {{}, {false, false, true}, 2},
        {{false, true, false}, {false, true, false}, 1},
    };
    for (const auto& row : rows) {
        for (std::uint32_t tier = 1; tier <= 2; ++tier) {
            encode_door(door(tier), bed.address(0).door(tier), DoorState::closed);
            if (row.opened[tier]) open(tier);
            if (row.damaged[tier]) damage(tier);
        }
        EXPECT_EQ(reach_of(sum(0), shape), row.reach);
        EXPECT_EQ(reach_of(sum(2), shape), row.reach);
    }
}

TEST_F(DoorsTest, DamageOfADoorIsNoDamageOfTheRow) {
    write(1);
    open(1);
    damage(1);
    const RowSummary row = sum(1);
    EXPECT_TRUE(row.whole());
    EXPECT_EQ(row.open, 0U);
    EXPECT_EQ(row.closed, 0b100U);
    EXPECT_EQ(row.highest, rank(6, 1));
    std::ranges::fill(door(1), std::byte{0});
    EXPECT_TRUE(sum(1).whole());
    EXPECT_EQ(reach_of(sum(1), shape), 1U) << "zeroes are no closed door";
}

TEST_F(DoorsTest, OneDoorIsNotTakenForAnother) {
    const Bytes closed(door(2).begin(), door(2).end());
    std::ranges::copy(closed, door(1).begin());
    EXPECT_EQ(sum(0).closed, 0b100U);
    std::ranges::copy(bed.bytes(0, 0),
                      door(1).begin());  // an initial block, which has the same flag
    EXPECT_EQ(sum(0).closed, 0b100U);
}

TEST_F(DoorsTest, WhatIsNotReadIsNotDamaged) {
    bed.spoil(0, 2);
    EXPECT_TRUE(sum(1).whole());
    EXPECT_FALSE(sum(2).whole());
    EXPECT_EQ(sum(2).damaged, 2U);
}

}  // namespace
}  // namespace diskpaxos
