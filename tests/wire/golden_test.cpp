// Version 1 of the protocol as bytes. UPDATE=1 rewrites the files; do that only for a new version.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "golden/hex.hpp"
#include "wire/message.hpp"
#include "wire/sample.hpp"

namespace diskpaxos::wire {
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

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, FramesAreWhatTheyWere) {
    const std::string text = to_hex(sample(GetParam()));
    if (std::getenv("UPDATE") != nullptr) std::ofstream(path(GetParam())) << text;
    EXPECT_EQ(text, slurp(path(GetParam())));
}

TEST_P(Golden, TheProtocolNoteShowsThem) {
    EXPECT_NE(slurp(PROTOCOL_NOTE).find(slurp(path(GetParam()))), std::string::npos)
        << "PROTOCOL.md has no verbatim copy of " << path(GetParam());
}

TEST_P(Golden, AndTheyStillDecode) {
    Bytes bytes(sample(GetParam()).size());
    from_hex(slurp(path(GetParam())), bytes);
    const auto frame = decode_frame(bytes, 1024);
    ASSERT_TRUE(frame) << describe(frame.error());
    ASSERT_TRUE(*frame);
    Bytes again;
    append_frame(again, **frame);
    EXPECT_EQ(again, bytes);
}

INSTANTIATE_TEST_SUITE_P(Version1, Golden, ::testing::ValuesIn(sample_names()),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace diskpaxos::wire
