#include "disk-agent/journal.hpp"

#include <gtest/gtest.h>

#include "async/random.hpp"

namespace diskpaxos::agent {
namespace {

StoreHeader header() {
    StoreHeader h;
    h.blocks = 64;
    h.journal_units = 64;
    h.tag = 0x1234'5678'9abc'def0;
    h.tail = 3;
    h.lsn = 7;
    return h;
}

Bytes batch(const StoreHeader& h, Lsn lsn, std::size_t entries) {
    Bytes out;
    BatchWriter writer(out);
    for (std::size_t i = 0; i < entries; ++i) {
        writer.add(i, Bytes(h.block_size, static_cast<std::byte>(i + 1)));
    }
    writer.end(h.tag, lsn);
    return out;
}

TEST(StoreHeader, ComesBackAsItWas) {
    Bytes unit(unit_size);
    encode_header(unit, header());
    const auto decoded = decode_header(unit);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, header());
}

TEST(StoreHeader, NoBitOfItMayChange) {
    Bytes unit(unit_size);
    encode_header(unit, header());
    for (std::size_t bit = 0; bit < 512 * 8; ++bit) {
        Bytes changed = unit;
        changed[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(decode_header(changed)) << bit;
    }
    EXPECT_EQ(decode_header(Bytes(unit_size)).error(), HeaderFlaw::absent);
}

TEST(StoreHeader, SaysHowMuchABatchCarries) {
    StoreHeader h = header();
    EXPECT_EQ(h.most_batch_units(), 16U);
    EXPECT_EQ(batch(h, 1, h.most_batch_blocks()).size(), 16 * unit_size);
    h.journal_units = default_journal_units;
    EXPECT_EQ(h.most_batch_units(), 256U);
    h.block_size = 4096;
    EXPECT_EQ(batch(h, 1, h.most_batch_blocks()).size(), 255 * unit_size);
}

TEST(Batch, ComesBackAsItWas) {
    const StoreHeader h = header();
    for (const std::size_t entries : {0U, 1U, 7U, 8U, 40U}) {
        const Bytes bytes = batch(h, 9, entries);
        EXPECT_EQ(bytes.size() % unit_size, 0U);
        const auto decoded = decode_batch(bytes, h);
        ASSERT_TRUE(decoded) << entries;
        EXPECT_EQ(decoded->lsn, 9U);
        EXPECT_EQ(decoded->units, bytes.size() / unit_size);
        std::size_t seen = 0;
        for_each_entry(*decoded, [&](std::uint64_t block, ByteView image) {
            EXPECT_EQ(block, seen);
            EXPECT_EQ(image.size(), h.block_size);
            EXPECT_EQ(image[200], static_cast<std::byte>(++seen));
        });
        EXPECT_EQ(seen, entries);
    }
}

TEST(Batch, NoneIsSeenWhereOneIsTornOrForeign) {
    const StoreHeader h = header();
    const Bytes bytes = batch(h, 9, 20);
    SeededRandom random(3);
    for (int i = 0; i < 2000; ++i) {
        Bytes changed = bytes;
        changed[random.below(changed.size())] ^= static_cast<std::byte>(1 + random.below(255));
        EXPECT_FALSE(decode_batch(changed, h)) << i;
    }
    for (std::size_t size = 0; size < bytes.size(); size += 512) {
        EXPECT_FALSE(decode_batch(ByteView(bytes).first(size), h)) << size;
    }
    StoreHeader other = h;
    other.tag ^= 1;
    EXPECT_FALSE(decode_batch(bytes, other));
    other = h;
    other.blocks = 19;  // a block that the store does not have
    EXPECT_FALSE(decode_batch(bytes, other));
}

}  // namespace
}  // namespace diskpaxos::agent
