// The block and its seal: whatever happens to a block, it is never taken for an initial one, and
// never for another block.
#include "disk/block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/crc32c.hpp"

namespace diskpaxos {
namespace {

BlockAddress here() {
    BlockAddress address;
    for (std::size_t i = 0; i < 16; ++i) address.group[i] = static_cast<std::byte>(0xa0 + i);
    address.disk = 0x1122334455667788;
    address.cell = 0x01020304;
    address.slot = 0x0506;
    address.ring = 1;
    return address;
}

Block content() {
    return {.incarnation = Proposer(0x0506'0000'0000'0042),
            .seq = 7,
            .promised = {9, Proposer(0x0506'0000'0000'0042)},
            .accepted = {8, Proposer(0x0506'0000'0000'0041)},
            .committed = {5, Proposer(0x0001'0000'0000'0002)},
            .value = as_bytes("hello")};
}

std::string hex(ByteView bytes) {
    std::string text;
    for (const std::byte b : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += digits[std::to_integer<unsigned>(b) >> 4];
        text += digits[std::to_integer<unsigned>(b) & 15U];
    }
    return text;
}

class BlockTest : public testing::TestWithParam<std::size_t> {
  protected:
    Bytes bytes = Bytes(GetParam());
    Damage damage_as(const BlockAddress& expected) { return decode_block(bytes, expected).damage; }
    BlockState state() { return decode_block(bytes, here()).state; }
};
INSTANTIATE_TEST_SUITE_P(Sizes, BlockTest, testing::Values(512, 4096));

TEST_P(BlockTest, ReadsWhatWasWritten) {
    encode_block(bytes, here(), content());
    const Decoded decoded = decode_block(bytes, here());
    ASSERT_EQ(decoded.state, BlockState::valid);
    EXPECT_EQ(decoded.block.incarnation, content().incarnation);
    EXPECT_EQ(decoded.block.seq, 7U);
    EXPECT_EQ(decoded.block.promised, content().promised);
    EXPECT_EQ(decoded.block.accepted, content().accepted);
    EXPECT_EQ(decoded.block.committed, content().committed);
    EXPECT_EQ(as_text(decoded.block.value), "hello");
    EXPECT_EQ(address_of(bytes), here());
}

TEST_P(BlockTest, HoldsAValueThatFillsItAndNotOneMore) {
    Block block = content();
    const Bytes full(value_capacity(GetParam()), std::byte{0x5a});
    block.value = full;
    encode_block(bytes, here(), block);
    EXPECT_TRUE(std::ranges::equal(decode_block(bytes, here()).block.value, full));
    const Bytes more(full.size() + 1);
    block.value = more;
    EXPECT_DEATH(encode_block(bytes, here(), block), "CHECK");
}

TEST_P(BlockTest, LeavesNothingOfALongerValueBehind) {
    std::ranges::fill(bytes, std::byte{0xff});
    encode_block(bytes, here(), content());
    const ByteView rest = ByteView(bytes).subspan(header_size + 5);
    EXPECT_TRUE(std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; }));
}

TEST_P(BlockTest, InitialIsInitialAndNothingElseIs) {
    encode_initial(bytes, here());
    EXPECT_EQ(state(), BlockState::initial);
    EXPECT_EQ(damage_as(here()), Damage::none);
}

TEST_P(BlockTest, EveryBitThatFlipsMakesItUnknown) {
    for (const bool initial : {false, true}) {
        initial ? encode_initial(bytes, here()) : encode_block(bytes, here(), content());
        for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
            const auto mask = static_cast<std::byte>(1U << bit % 8);
            bytes[bit / 8] ^= mask;
            ASSERT_EQ(state(), BlockState::unknown) << "bit " << bit;
            bytes[bit / 8] ^= mask;
        }
        EXPECT_NE(state(), BlockState::unknown);
    }
}

TEST_P(BlockTest, EveryTearBetweenTwoContentsIsUnknown) {  // at 4096 a sector may be 512
    encode_block(bytes, here(), content());
    const Bytes before = bytes;
    Block next = content();
    ++next.seq;
    const Bytes other(value_capacity(GetParam()), std::byte{0x5a});
    next.value = other;
    encode_block(bytes, here(), next);
    const Bytes after = bytes;
    for (std::size_t cut = 512; cut < bytes.size(); cut += 512) {
        std::ranges::copy(after, bytes.begin());
        std::copy(before.begin() + static_cast<std::ptrdiff_t>(cut), before.end(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(cut));
        EXPECT_EQ(state(), BlockState::unknown) << cut;
    }
}

TEST_P(BlockTest, ZeroesAreBlankAndNotInitial) {
    EXPECT_EQ(state(), BlockState::unknown);
    EXPECT_EQ(damage_as(here()), Damage::blank);
    bytes.back() = std::byte{1};
    EXPECT_EQ(damage_as(here()), Damage::checksum);
}

TEST_P(BlockTest, OfAnotherPlaceIsUnknownAndSaysWhy) {
    const struct {
        const char* what;
        void (*move)(BlockAddress&);
        Damage damage;
    } rows[] = {
        {"group", [](BlockAddress& a) { a.group[15] ^= std::byte{1}; }, Damage::foreign},
        {"disk", [](BlockAddress& a) { a.disk ^= 1; }, Damage::foreign},
        {"cell", [](BlockAddress& a) { a.cell ^= 1; }, Damage::misplaced},
        {"slot", [](BlockAddress& a) { a.slot ^= 1; }, Damage::misplaced},
        {"ring", [](BlockAddress& a) { a.ring ^= 1; }, Damage::misplaced},
        {"kind", [](BlockAddress& a) { a.kind = BlockKind::owner; }, Damage::misplaced},
    };
    for (const auto& row : rows) {
        for (const bool initial : {false, true}) {
            BlockAddress elsewhere = here();
            row.move(elsewhere);
            initial ? encode_initial(bytes, elsewhere) : encode_block(bytes, elsewhere, content());
            EXPECT_EQ(state(), BlockState::unknown) << row.what;
            EXPECT_EQ(damage_as(here()), row.damage) << row.what;
            EXPECT_EQ(damage_as(elsewhere), Damage::none) << row.what;
        }
    }
}

TEST_P(BlockTest, ALengthBeyondItsEndIsUnknownEvenWithAGoodChecksum) {
    encode_block(bytes, here(), content());
    store<std::uint16_t>(bytes, 6, static_cast<std::uint16_t>(value_capacity(GetParam()) + 1));
    store<std::uint32_t>(bytes, 124, 0);
    store<std::uint32_t>(bytes, 124, crc32c(bytes));  // its own field taken as zero
    EXPECT_EQ(damage_as(here()), Damage::checksum);
}

TEST_P(BlockTest, WhatNoWriterWritesIsUnknownEvenWithAGoodChecksum) {
    const struct {
        const char* what;
        std::size_t offset;
        std::uint64_t value;
    } rows[] = {{"promised below accepted", 56, 1},
                {"a value but no accepted rank", 72, 0},
                {"seq zero", 48, 0}};
    for (const auto& row : rows) {
        encode_block(bytes, here(), content());
        store<std::uint64_t>(bytes, row.offset, row.value);
        seal(bytes, here(), 0, 5);
        EXPECT_EQ(inspect(bytes, here()), Damage::none) << row.what;
        EXPECT_EQ(state(), BlockState::unknown) << row.what;
    }
}

TEST(BlockDeathTest, IsNeverWrittenInsane) {
    Bytes bytes(512);
    Block block = content();
    block.promised.round = 1;
    EXPECT_DEATH(encode_block(bytes, here(), block), "CHECK");
    block = content();
    block.value = {};
    EXPECT_DEATH(encode_block(bytes, here(), block), "CHECK");
}

// Every byte of a known block, as docs/format.md has it: old disks stay readable.
TEST(BlockGolden, StandsByteForByteWhereItStood) {
    Bytes bytes(512);
    encode_block(bytes, here(), content());
    const std::string expected =
        "44785042" "04" "00" "0500"             // magic, kind, flags, length
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"      // group
        "8877665544332211"                      // disk
        "04030201" "0605" "01" "00"             // cell, slot, ring
        "4200000000000605" "0700000000000000"   // incarnation, seq
        "0900000000000000" "4200000000000605"   // promised
        "0800000000000000" "4100000000000605"   // accepted
        "0500000000000000" "0200000000000100"   // committed
        "00000000000000000000000000000000"      // authenticator
        "00000000";                             // epoch
    EXPECT_EQ(hex(ByteView(bytes).first(124)), expected);
    EXPECT_EQ(hex(ByteView(bytes).subspan(128, 6)), "68656c6c6f00");
    // Computed from the bytes above by another implementation of CRC-32C.
    EXPECT_EQ(load<std::uint32_t>(bytes, 124), 0x7B309161U);
}

}  // namespace
}  // namespace diskpaxos
