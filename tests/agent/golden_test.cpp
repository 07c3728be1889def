// The file of a store as bytes. UPDATE=1 rewrites them; do that only for a new version.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "agent/life.hpp"
#include "disk-agent/journal.hpp"
#include "golden/hex.hpp"

namespace diskpaxos::agent {
namespace {

std::string path(const std::string& name) {
    return std::string(GOLDEN_DIR "/") + name + ".hex";
}

std::string slurp(const std::string& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

StoreHeader header() {
    StoreHeader h;
    h.journal_units = default_journal_units;
    for (std::size_t i = 0; i < h.uuid.size(); ++i) h.uuid[i] = static_cast<std::byte>(0x40 + i);
    h.tag = 0x8899aabbccddeeff;
    h.created_ms = 1'790'000'000'000;
    h.generation = 3;
    h.tail = 2048;
    h.lsn = 2017;
    return h;
}

Bytes encoded(const std::string& name) {
    if (name == "store-header") {
        Bytes unit(unit_size);
        encode_header(unit, header());
        return unit;
    }
    Bytes batch;
    BatchWriter writer(batch);
    writer.add(72, block_at(512, 3, {4, Proposer(7)}));
    writer.add(80, initial_block(512, 5));
    writer.end(header().tag, 2017);
    return batch;
}

class StoreGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(StoreGolden, BytesAreWhatTheyWere) {
    const std::string text = to_hex(encoded(GetParam()));
    if (std::getenv("UPDATE") != nullptr) std::ofstream(path(GetParam())) << text;
    EXPECT_EQ(text, slurp(path(GetParam())));
}

TEST_P(StoreGolden, TheNoteShowsThem) {
    EXPECT_NE(slurp(STORE_NOTE).find(slurp(path(GetParam()))), std::string::npos)
        << "docs/agent-store.md has no verbatim copy of " << path(GetParam());
}

TEST_P(StoreGolden, AndTheyStillDecode) {
    Bytes bytes(unit_size);
    from_hex(slurp(path(GetParam())), bytes);
    if (std::string(GetParam()) == "store-header") {
        EXPECT_EQ(decode_header(bytes), header());
    } else {
        const auto batch = decode_batch(bytes, header());
        ASSERT_TRUE(batch);
        EXPECT_EQ(batch->lsn, 2017U);
        EXPECT_EQ(batch->entries, 2U);
    }
}

INSTANTIATE_TEST_SUITE_P(Version1, StoreGolden, ::testing::Values("store-header", "store-batch"));

}  // namespace
}  // namespace diskpaxos::agent
