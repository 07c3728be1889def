// Probe: only a LUN that really compares passes, and nothing that lies on it is harmed.
#include "scsi/probe.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "fake_target.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos::scsi {
namespace {

class ProbeTest : public testing::Test, protected TestWorld {
  protected:
    Result<void> ask(FakeTarget& target) {
        FakeLun lun(target, "iscsi://array/t/1");
        return run(probe(world, lun));
    }
    static bool blank(ByteView image) {
        return std::ranges::all_of(image, [](std::byte byte) { return byte == std::byte{0}; });
    }

    FakeTarget small{world, 512, 64};
    FakeTarget large{world, 4096, 64};
};

TEST_F(ProbeTest, PassesWhatCompares) {
    EXPECT_TRUE(ask(small).has_value());
    EXPECT_TRUE(ask(large).has_value());
    EXPECT_GT(small.history(1).size(), 2U) << "it was really written";
    EXPECT_GT(large.history(0).size(), 2U);
    EXPECT_TRUE(blank(small.at(1))) << "and left as it was";
    EXPECT_TRUE(blank(large.at(0)));
    EXPECT_EQ(small.history(0).size(), 1U);
}

TEST_F(ProbeTest, HarmsNothing) {
    // Block 1 is where a partition table has its header; block 0 has the superblock.
    const Bytes table(512, std::byte{0x5a});
    const Bytes superblock(4096, std::byte{0xa5});
    small.put(1, table);
    large.put(0, superblock);
    EXPECT_TRUE(ask(small).has_value());
    EXPECT_TRUE(ask(large).has_value());
    for (const Bytes& image : small.history(1)) EXPECT_EQ(image, table);
    for (const Bytes& image : large.history(0)) EXPECT_EQ(image, superblock);
}

TEST_F(ProbeTest, RefusesWithOneSentence) {
    small.knows_compare_and_write = false;
    const auto refused = ask(small);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(
        refused.error().sentence,
        "iscsi://array/t/1: COMPARE AND WRITE does not work: the target does not know this "
        "command; attach the LUN by the kernel's own initiator and name its block device, and "
        "it serves as a passive disk");

    for (FakeTarget* target : {&small, &large}) {
        target->knows_compare_and_write = true;
        target->compares_at_all = false;
        const auto broken = ask(*target);
        ASSERT_FALSE(broken.has_value());
        EXPECT_NE(broken.error().sentence.find("does not compare"), std::string::npos);
    }
}

TEST_F(ProbeTest, ABrokenTargetHarmsNothingEither) {
    const Bytes table(512, std::byte{0x5a});
    small.put(1, table);
    small.compares_at_all = false;
    EXPECT_FALSE(ask(small).has_value());
    for (const Bytes& image : small.history(1)) EXPECT_EQ(image, table);
}

TEST_F(ProbeTest, UnitAttentionsAreNoRefusal) {
    small.script = {Fate::busy, Fate::prompt, Fate::busy, Fate::busy};
    EXPECT_TRUE(ask(small).has_value());
    small.fate = [] { return Fate::lost; };
    EXPECT_FALSE(ask(small).has_value());
}

Task<void> ask_and_note(World& world, FakeTarget& target, unsigned& passed) {
    FakeLun lun(target, "lun");
    const Result<void> result = co_await probe(world, lun);
    passed += result.has_value();
}

TEST_F(ProbeTest, ManyMayAskAtOnce) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        random = SeededRandom(seed);
        FakeTarget target(world, 512, 64);
        target.slow = true;
        unsigned passed = 0;
        Scope scope(queue);
        for (int i = 0; i < 5; ++i) scope.spawn(ask_and_note(world, target, passed));
        for (queue.run_all(); !scope.idle().is_set(); queue.run_all()) clock.advance_to_next();
        EXPECT_EQ(passed, 5U) << "seed " << seed;
        EXPECT_TRUE(blank(target.at(1))) << "seed " << seed;
    }
}

}  // namespace
}  // namespace diskpaxos::scsi
