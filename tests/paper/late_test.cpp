// Disks that were absent when a process began (docs/protocol.md, "A disk that was absent").
#include "late.hpp"

#include <gtest/gtest.h>

namespace diskpaxos {
namespace {

class LateTest : public testing::Test {
  protected:
    static constexpr std::uint16_t p = Late::p, q = Late::q;
    static constexpr std::size_t late = Late::late;
    static Rank rank(std::uint64_t round, std::uint16_t slot) { return Late::rank(round, slot); }

    static bool found(Late& bed, Register& reg, Rank at) {
        return std::holds_alternative<Found>(bed.run(reg.read(at, bed.soon())));
    }
    static bool written(Late& bed, Register& reg, Rank at, std::string_view value, Rank next) {
        return std::holds_alternative<Written>(
            bed.run(reg.write(at, as_bytes(value), next, bed.soon())));
    }

    Late bed;
};

TEST_F(LateTest, L1_APhaseEndsWithTheDisksThatItBeganWith) {
    EXPECT_TRUE(bed.a_phase_ends_with_the_disks_that_it_began_with());
    Late active(DiskSet::first(3));
    EXPECT_TRUE(active.a_phase_ends_with_the_disks_that_it_began_with());
}

// From the next phase on it carries the group with either of the others.
TEST_F(LateTest, ItCountsAsTheOthersDo) {
    for (const DiskSet active : {DiskSet(), DiskSet::first(3)}) {
        Late group(active);
        auto reg = group.recovered_without_it();
        ASSERT_TRUE(found(group, *reg, rank(3, p)));
        ASSERT_TRUE(written(group, *reg, rank(3, p), "before", rank(5, p)));
        reg->admit(late, group.visit(late));
        EXPECT_TRUE(reg->healthy());  // it has failed nobody yet
        group.moods("o.o");
        ASSERT_TRUE(written(group, *reg, rank(5, p), "after", rank(7, p)));  // the prepared rank still holds
        EXPECT_TRUE(reg->tally().counted().contains(late));
        group.disk(1).release();
        group.queue.run_all();
        group.moods(".oo");
        ASSERT_TRUE(written(group, *reg, rank(7, p), "again", rank(7, p)));
        EXPECT_EQ(reg->failures()[late].kind, Failure::Kind::none);
    }
}

// What stands there of ours is of the one who had our slot before. Phase 0 has met every quorum of
// which that disk is a part: what it has not seen there was never committed, and may be written over.
TEST_F(LateTest, AnOlderBlockOfOursIsWrittenOver) {
    bed.put(late, bed.place(p), {.incarnation = Proposer::of(p, 9),
                                 .seq = 4,
                                 .promised = {9, Proposer::of(p, 9)},
                                 .accepted = {9, Proposer::of(p, 9)},
                                 .committed = {},
                                 .value = as_bytes("never committed")});
    auto reg = bed.recovered_without_it();
    ASSERT_TRUE(found(bed, *reg, rank(3, p)));
    reg->admit(late, bed.visit(late));
    bed.moods("o.o");
    ASSERT_TRUE(written(bed, *reg, rank(3, p), "ours", rank(5, p)));
    bed.disk(1).release();
    bed.queue.run_all();
    EXPECT_EQ(as_text(bed.block(late, bed.place(p)).block.value), "ours");
    EXPECT_TRUE(reg->tally().counted().contains(late));
    bed.moods(".oo");
    auto other = bed.register_of(q);
    ASSERT_TRUE(std::holds_alternative<Certainty>(bed.run(other->recover(bed.soon()))));
    EXPECT_EQ(as_text(other->value()), "ours");
}

// And if it was committed, the disks of phase 0 have it.
TEST_F(LateTest, WhatWasCommittedThereIsCarried) {
    const Block block{.incarnation = Proposer::of(p, 9),
                      .seq = 4,
                      .promised = {9, Proposer::of(p, 9)},
                      .accepted = {9, Proposer::of(p, 9)},
                      .committed = {},
                      .value = as_bytes("committed")};
    bed.put(0, bed.place(p), block);
    bed.put(late, bed.place(p), block);
    auto reg = bed.recovered_without_it();
    reg->admit(late, bed.visit(late));
    ASSERT_TRUE(found(bed, *reg, rank(11, p)));
    EXPECT_EQ(as_text(reg->value()), "committed");
    EXPECT_EQ(as_text(reg->own().value), "committed");
}

// A register that has not recovered asks it along with the others.
TEST_F(LateTest, ItCountsInPhaseZero) {
    auto reg = bed.without_it();
    bed.moods("o.o");
    ASSERT_TRUE(std::holds_alternative<Unavailable>(bed.run(reg->recover(bed.soon()))));
    reg->admit(late, bed.visit(late));
    EXPECT_TRUE(std::holds_alternative<Certainty>(bed.run(reg->recover(bed.soon()))));
}

// Another's promise that stands only there and on one more refuses us, from the first visit on.
TEST_F(LateTest, APromiseThatStandsThereRefuses) {
    auto reg = bed.recovered_without_it();
    ASSERT_TRUE(found(bed, *reg, rank(3, p)));
    for (const std::size_t disk : {std::size_t{1}, late}) {
        bed.put(disk, bed.place(q), {.incarnation = Proposer::of(q, 1),
                                     .seq = 1,
                                     .promised = rank(8, q),
                                     .accepted = {},
                                     .committed = {},
                                     .value = {}});
    }
    reg->admit(late, bed.visit(late));
    EXPECT_FALSE(written(bed, *reg, rank(3, p), "ours", rank(5, p)));
    EXPECT_EQ(reg->tally().beaten_by(), rank(8, q));
}

}  // namespace
}  // namespace diskpaxos
