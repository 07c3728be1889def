// Order of I/O, the fast path, recovery and incarnations, in our own words: algorithms.md 6.1 to 6.3,
// 7.1 and 7.2.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class Order : public PaperTest {};

// O1: a disk's row is read after our block is durable there.
TEST_F(Order, O1_TheRowShowsOurOwnWrite) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    EXPECT_TRUE(reg->tally().counted().size() >= 2);  // judged by reading ourselves back
    bed.queue.run_all();
    bed.disk(0).between = [this] {  // the write is lost: what was there before is back
        encode_initial(bed.bytes(0, bed.place(p)), bed.address(0).block(bed.place(p)));
    };
    ASSERT_EQ(found(*reg, rank(5, p)), "");
    EXPECT_EQ(reg->failures()[0].kind, Failure::Kind::rolled_back);
}

// O2: disks are not ordered among each other: one is read while the writes of the others hang.
TEST_F(Order, O2_ADiskIsReadWhateverTheOthersDo) {
    auto reg = bed.recovered(p);
    bed.moods("o..");
    found(*reg, rank(3, p));
    EXPECT_EQ(reg->tally().counted().size(), 1U);
    EXPECT_TRUE(reg->tally().counted().contains(0));
}

// O3: a disk counts only with its write and its whole row.
TEST_F(Order, O3_AWriteWithoutTheRowDoesNotCount) {
    auto reg = bed.recovered(p);
    bed.moods("ddd");
    EXPECT_EQ(found(*reg, rank(3, p)), "unavailable");
    EXPECT_EQ(block(0, p).promised, rank(3, p));  // though it stands everywhere
}

// O5: a newer content waits for the older one's answer, whatever time passes.
TEST_F(Order, O5_AHangingWriteHoldsTheNextOneBack) {
    auto reg = bed.recovered(p);
    bed.moods("oo.");
    found(*reg, rank(3, p));
    bed.clock.advance(std::chrono::hours(1));
    found(*reg, rank(5, p));
    bed.queue.run_all();
    EXPECT_EQ(bed.disk(2).counts.visits, 1U);
}

// O8: a bad checksum may be a block in the middle of its write: it is read again before it is believed.
TEST_F(Order, O8_ABadChecksumIsReadAgain) {
    bed.spoil(0, bed.place(q));
    bed.disk(0).after_read = [this] { bed.spoil(0, bed.place(q)); };  // twice is undone
    auto reg = bed.register_of(p, 1, 0, 3);
    bed.disk(2).mood = MemoryDisk::Mood::failing;
    EXPECT_TRUE(std::holds_alternative<Certainty>(bed.run(reg->recover(bed.soon()))));
    EXPECT_EQ(bed.disk(0).counts.reads, 2U);
}

// 6.2: no barrier: the answer does not wait for the slowest disk.
TEST_F(Order, Rule6_2_TheSlowestDiskIsNotWaitedFor) {
    auto reg = bed.recovered(p);
    bed.moods(".oo");
    const Instant before = bed.clock.now();
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    ASSERT_EQ(wrote(*reg, rank(3, p), "mine"), "written");
    EXPECT_EQ(bed.clock.now(), before);
}

// ---- 6.3 the write that carries the next promise ----

class FastPath : public PaperTest {
  protected:
    std::unique_ptr<Register> reg = bed.recovered(p);
    static constexpr Rank now{3, Proposer::of(p, 1)}, next{7, Proposer::of(p, 1)};
    void SetUp() override { ASSERT_EQ(found(*reg, now), ""); }
};

// No other promise above ours: it is committed, and the next rank is read along with it.
TEST_F(FastPath, Rule6_3_AWriteThatCommitsHasReadTheNextRank) {
    ASSERT_EQ(wrote(*reg, now, "first", next), "written");
    EXPECT_EQ(block(0, p).promised, next);
    EXPECT_EQ(block(0, p).accepted, now);
    bed.queue.run_all();
    bed.take_counts();
    ASSERT_EQ(wrote(*reg, next, "second"), "written");  // without a read
    bed.queue.run_all();
    EXPECT_EQ(bed.take_counts()[0].visits, 1U);
}

// Between the two ranks: it cannot be told any more whether the write commits.
TEST_F(FastPath, Rule6_3_APromiseBetweenTheTwoRanksRefusesTheWrite) {
    stands_everywhere(q, rank(5, q));
    EXPECT_EQ(wrote(*reg, now, "first", next), "refused");
}

TEST_F(FastPath, Rule6_3_APromiseAboveBothRefusesTheWrite) {
    stands_everywhere(q, rank(9, q));
    EXPECT_EQ(wrote(*reg, now, "first", next), "refused");
    EXPECT_EQ(reg->highest(), rank(9, q));
}

// The promise is a promise: others below it are refused at once.
TEST_F(FastPath, Rule6_3_ThePromiseBindsOthers) {
    ASSERT_EQ(wrote(*reg, now, "first", next), "written");
    auto other = bed.recovered(q);
    EXPECT_EQ(found(*other, rank(5, q)), "refused");
    EXPECT_EQ(found(*other, rank(8, q)), "first");
}

// A reader above the next rank came in between: the fast path is refused, and sees it.
TEST_F(FastPath, Rule6_3_AReaderInBetweenIsSeenByTheNextWrite) {
    ASSERT_EQ(wrote(*reg, now, "first", next), "written");
    auto other = bed.recovered(q);
    ASSERT_EQ(found(*other, rank(8, q)), "first");
    EXPECT_EQ(wrote(*reg, next, "second"), "refused");
}

// ---- 7.1, 7.2 and 7.4 ----

class Errors : public PaperTest {};

// A write that failed may still happen: its disk is left alone until it cannot any more.
TEST_F(Errors, Rule7_4_ADiskIsNotWrittenAfterAFailedWrite) {
    auto reg = bed.recovered(p);
    bed.moods("oof");
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    bed.moods("ooo");
    bed.take_counts();
    ASSERT_EQ(found(*reg, rank(5, p)), "");
    bed.queue.run_all();
    EXPECT_EQ(bed.take_counts()[2].visits, 0U);
    EXPECT_EQ(reg->failures()[2].kind, Failure::Kind::quarantined);
    bed.clock.advance(Testbed::ghost);
    ASSERT_EQ(found(*reg, rank(7, p)), "");
    bed.queue.run_all();
    EXPECT_EQ(bed.take_counts()[2].visits, 1U);
}

// An error is not a no: what was written in spite of it may be adopted.
TEST_F(Errors, Rule7_4_AnErrorDoesNotMeanThatNothingHappened) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    bed.moods("ddd");
    ASSERT_EQ(wrote(*reg, rank(3, p), "in spite of it"), "unavailable");
    bed.heal();
    auto other = bed.recovered(q);
    EXPECT_EQ(found(*other, rank(9, q)), "in spite of it");
}

class Recovery : public PaperTest {};

// Recovery quorums must meet every read and every write quorum.
TEST_F(Recovery, Rule7_1_ASmallWriteQuorumNeedsALargeRecovery) {
    EXPECT_FALSE(Threshold(3, 3, 1, 2).intersects());
    EXPECT_TRUE(Threshold(3, 3, 1, 3).intersects());
}

// What a majority holds of our block is found from every majority.
TEST_F(Recovery, Rule7_1_AMajorityOfOurBlocksIsFoundFromEveryMajority) {
    stands(0, p, rank(6, p), rank(5, p), "decided");
    stands(1, p, rank(6, p), rank(5, p), "decided");
    for (const char* moods : {"oof", "ofo", "foo"}) {
        bed.moods(moods);
        auto reg = bed.recovered(p, 2);
        EXPECT_EQ(as_text(reg->own().value), "decided") << moods;
        EXPECT_GE(reg->promised(), rank(6, p)) << moods;
    }
}

// A write that a minority holds may be missed: it was not a decision, and its rank may come again.
TEST_F(Recovery, Rule7_1_AMinorityOfOurBlocksMayBeMissedHarmlessly) {
    stands(2, p, rank(6, p), rank(5, p), "never decided");
    bed.moods("oof");
    auto reg = bed.recovered(p, 2);
    const Rank mine{5, reg->me()};
    EXPECT_EQ(found(*reg, mine), "");
    EXPECT_EQ(wrote(*reg, mine, "decided"), "written");
    bed.moods("ooo");
    auto other = bed.recovered(q);
    EXPECT_EQ(found(*other, rank(9, q)), "decided");
}

class Incarnations : public PaperTest {};

// Two incarnations never share a rank, even of one slot and in one round.
TEST_F(Incarnations, Rule7_2_EachHasRanksOfItsOwn) {
    EXPECT_NE((Rank{5, Proposer::of(p, 1)}), (Rank{5, Proposer::of(p, 2)}));
}

// A new incarnation reads its older block as that of a silent process.
TEST_F(Incarnations, Rule7_2_TheOldBlockIsStillRead) {
    stands_everywhere(p, rank(6, p), rank(6, p), "of the dead");
    auto reborn = bed.recovered(p, 2, 1);  // the other block of the slot's ring
    EXPECT_EQ(found(*reborn, {5, reborn->me()}), "refused");  // its promise stands, too
    EXPECT_EQ(found(*reborn, next_rank(reborn->highest(), reborn->me())), "of the dead");
}

// It never writes the older block.
TEST_F(Incarnations, Rule7_2_TheOldBlockIsNotWritten) {
    stands_everywhere(p, rank(6, p), rank(6, p), "of the dead");
    const ByteSpan old = bed.bytes(0, bed.place(p));
    const Bytes before(old.begin(), old.end());
    auto reborn = bed.recovered(p, 2, 1);
    const Rank mine = next_rank(reborn->highest(), reborn->me());
    ASSERT_EQ(found(*reborn, mine), "of the dead");
    ASSERT_EQ(wrote(*reborn, mine, "of the living"), "written");
    EXPECT_TRUE(std::ranges::equal(before, bed.bytes(0, bed.place(p))));
}

// A write of the dead that lands late falls into the older block, and harms nobody.
TEST_F(Incarnations, Rule7_2_ALateWriteOfTheDeadHarmsNobody) {
    auto dead = bed.recovered(p);
    ASSERT_EQ(found(*dead, rank(3, p)), "");
    bed.moods("...");
    ASSERT_EQ(wrote(*dead, rank(3, p), "late"), "unavailable");
    dead.reset();
    bed.moods("ooo");
    auto reborn = bed.recovered(p, 2, 1);
    const Rank mine{8, reborn->me()};
    ASSERT_EQ(found(*reborn, mine), "");
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).release();  // it lands now
    EXPECT_EQ(wrote(*reborn, mine, "of the living"), "written");
    auto other = bed.recovered(q);
    EXPECT_EQ(found(*other, rank(9, q)), "of the living");
}

}  // namespace
}  // namespace diskpaxos
