// bytes, crc32c, rank: what everything else is measured with.
#include <gtest/gtest.h>

#include "base/crc32c.hpp"
#include "base/rank.hpp"

namespace diskpaxos {
namespace {

TEST(Crc32c, HasTheCheckValueOfTheStandard) {
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
}

TEST(Crc32c, OfKnownTexts) {  // RFC 3720, appendix B.4, and the empty text
    const Bytes zeroes(32, std::byte{0});
    const Bytes ones(32, std::byte{0xff});
    EXPECT_EQ(crc32c({}), 0U);
    EXPECT_EQ(crc32c(zeroes), 0x8A9136AAU);
    EXPECT_EQ(crc32c(ones), 0x62A8AB43U);
}

TEST(Crc32c, ContinuesWhereverTheTextIsCut) {
    const ByteView text = as_bytes("a process writes its own block, then reads everyone's");
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EXPECT_EQ(crc32c(text.subspan(cut), crc32c(text.first(cut))), crc32c(text)) << cut;
    }
}

TEST(Bytes, AreLittleEndianAtTheirOffset) {
    Bytes bytes(8, std::byte{0xee});
    store<std::uint32_t>(bytes, 2, 0x0a0b0c0d);
    const Bytes expected{std::byte{0xee}, std::byte{0xee}, std::byte{0x0d}, std::byte{0x0c},
                         std::byte{0x0b}, std::byte{0x0a}, std::byte{0xee}, std::byte{0xee}};
    EXPECT_EQ(bytes, expected);
    EXPECT_EQ(load<std::uint32_t>(bytes, 2), 0x0a0b0c0dU);
    EXPECT_EQ(load<std::uint16_t>(bytes, 4), 0x0a0bU);
}

TEST(BytesDeathTest, NeverReachBeyondTheirEnd) {
    Bytes bytes(8);
    EXPECT_DEATH(load<std::uint64_t>(bytes, 1), "CHECK");
    EXPECT_DEATH(store<std::uint16_t>(bytes, 7, 1), "CHECK");
}

TEST(Rank, IsOrderedByRoundAndThenByProposer) {
    const Rank ascending[] = {
        {},
        {1, Proposer::of(0, 1)},
        {1, Proposer::of(0, 2)},
        {1, Proposer::of(1, 0)},
        {2, Proposer::of(0, 0)},
        {~std::uint64_t{0}, Proposer::of(0xffff, ~std::uint64_t{0})},
    };
    for (std::size_t low = 0; low < std::size(ascending); ++low) {
        for (std::size_t high = 0; high < std::size(ascending); ++high) {
            EXPECT_EQ(ascending[low] < ascending[high], low < high) << low << ' ' << high;
            EXPECT_EQ(ascending[low] == ascending[high], low == high) << low << ' ' << high;
        }
    }
    EXPECT_TRUE(ascending[0].none());
    EXPECT_FALSE(ascending[1].none());
}

TEST(Rank, NextIsJustAboveTheFloorAndTheProposersOwn) {
    const Proposer me = Proposer::of(3, 0x1234);
    const Rank floor{41, Proposer::of(0xffff, ~std::uint64_t{0})};
    const Rank next = next_rank(floor, me);
    EXPECT_GT(next, floor);
    EXPECT_EQ(next.round, 42U);
    EXPECT_EQ(next.proposer, me);
}

TEST(Proposer, KeepsItsSlotApartFromItsNonce) {
    const Proposer proposer = Proposer::of(0xabcd, 0xffff'1234'5678'9abcULL);
    EXPECT_EQ(proposer.slot(), 0xabcd);
    EXPECT_EQ(proposer.value, 0xabcd'1234'5678'9abcULL);
    EXPECT_NE(Proposer::of(1, 2), Proposer::of(2, 1));
}

}  // namespace
}  // namespace diskpaxos
