// The rules of Disk Paxos (Gafni & Lamport), in our own words: algorithms.md 2.3 and 2.6.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class DiskPaxos : public PaperTest {};

// ---- 2.3 the steps ----

// A process that did not itself write its block reads it from a majority first, and goes on from
// the one with the largest accepted rank.
TEST_F(DiskPaxos, Step2_3_RecoverTakesTheLargestAcceptedOfItsOwnBlocks) {
    stands(0, p, rank(9, p), rank(2, p), "older");
    stands(1, p, rank(7, p), rank(5, p), "newer");
    bed.moods("oof");
    auto reg = bed.recovered(p, 2);
    EXPECT_EQ(as_text(reg->own().value), "newer");
    EXPECT_EQ(reg->own().accepted, rank(5, p));
}

// It promises above every promise of its own that it found; accepted rank and value are kept.
TEST_F(DiskPaxos, Step2_3_RecoverPromisesAboveAllItsOwn) {
    stands_everywhere(p, rank(9, p), rank(5, p), "kept");
    auto reg = bed.recovered(p, 2);
    EXPECT_GE(reg->promised(), rank(9, p));
    EXPECT_EQ(found(*reg, next_rank(reg->highest(), reg->me())), "kept");
    EXPECT_EQ(as_text(block(0, p).value), "kept");
}

// Recovery needs its quorum: with fewer disks there is none.
TEST_F(DiskPaxos, Step2_3_RecoverOnTooFewDisksIsNoRecovery) {
    bed.moods("off");
    auto reg = bed.register_of(p);
    EXPECT_TRUE(std::holds_alternative<Unavailable>(bed.run(reg->recover(bed.soon()))));
    EXPECT_FALSE(reg->recovered());
}

// A disk on which a higher promise is seen drops out of the phase; the others still carry it.
TEST_F(DiskPaxos, Step2_3_ADiskWithAHigherPromiseDropsOutAndTheOthersCarryThePhase) {
    auto reg = bed.recovered(p);
    stands(1, q, rank(50, q));
    EXPECT_EQ(found(*reg, rank(3, p)), "");
    EXPECT_EQ(wrote(*reg, rank(3, p), "mine"), "written");
    EXPECT_TRUE(reg->tally().refused().contains(1) || !reg->tally().counted().contains(1));
}

// Where too few others remain the phase is lost, and the rank to beat is known.
TEST_F(DiskPaxos, Step2_3_WithHigherPromisesOnAMajorityThePhaseIsLost) {
    auto reg = bed.recovered(p);
    stands(1, q, rank(50, q));
    stands(2, r, rank(60, r));
    const ReadOutcome outcome = read(*reg, rank(3, p));
    ASSERT_TRUE(std::holds_alternative<Refused>(outcome));
    EXPECT_GE(reg->highest(), rank(50, q));
}

// What stands on a disk that dropped out is not chosen from: that disk was as good as never read.
TEST_F(DiskPaxos, Step2_3_BlocksOfADroppedDiskAreNotChosenFrom) {
    auto reg = bed.recovered(p);
    stands(0, q, rank(50, q), rank(2, q), "uncommitted");
    EXPECT_EQ(found(*reg, rank(40, p)), "");
}

// The value of the highest accepted rank among the counted disks is carried on.
TEST_F(DiskPaxos, Step2_3_TheValueOfTheHighestAcceptedRankIsChosen) {
    auto reg = bed.recovered(p);
    stands_everywhere(q, rank(20, q), rank(4, q), "low");
    stands_everywhere(r, rank(10, r), rank(6, r), "high");
    EXPECT_EQ(found(*reg, rank(30, p)), "high");
    EXPECT_EQ(reg->value_rank(), rank(6, r));
}

// A counted disk is one on which the write and the whole row read were done.
TEST_F(DiskPaxos, Step2_3_AnUnknownBlockMakesTheDiskNotCount) {
    auto reg = bed.recovered(p);
    bed.spoil(0, bed.place(q));
    EXPECT_EQ(found(*reg, rank(3, p)), "");  // two sound disks are left
    bed.spoil(1, bed.place(r));
    EXPECT_EQ(found(*reg, rank(4, p)), "unavailable");
}

// A new rank is above all that was seen, and it erases neither the accepted rank nor the value.
TEST_F(DiskPaxos, Step2_3_ANewRankKeepsAcceptedRankAndValue) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    ASSERT_EQ(wrote(*reg, rank(3, p), "mine"), "written");
    ASSERT_EQ(found(*reg, rank(8, p)), "mine");
    for (std::size_t disk = 0; disk < 3; ++disk) {
        EXPECT_EQ(block(disk, p).promised, rank(8, p));
        EXPECT_EQ(block(disk, p).accepted, rank(3, p));
        EXPECT_EQ(as_text(block(disk, p).value), "mine");
    }
}

// ---- 2.6 the traps ----

TEST_F(DiskPaxos, Trap2a_ARefusedReadLeavesOwnAcceptedValueInItsBlock) {
    stands_everywhere(p, rank(3, p), rank(3, p), "decisive");
    auto reg = bed.recovered(p, 2);
    stands_everywhere(q, rank(50, q));
    ASSERT_EQ(found(*reg, {7, reg->me()}), "refused");
    EXPECT_EQ(as_text(block(0, p).value), "decisive");
    EXPECT_EQ(block(0, p).accepted, rank(3, p));
}

TEST_F(DiskPaxos, Trap2c_ADamagedBlockIsNotPassedOver) {
    auto reg = bed.recovered(p);
    stands_everywhere(q, rank(2, q), rank(2, q), "decided");
    bed.spoil(0, bed.place(q));
    bed.spoil(1, bed.place(q));
    EXPECT_EQ(found(*reg, rank(3, p)), "unavailable");  // rather than an empty register
}

TEST_F(DiskPaxos, Trap2d_ZeroesAreNotAnInitialBlock) {
    auto reg = bed.recovered(p);
    for (const std::size_t disk : {0U, 1U}) {
        std::ranges::fill(bed.bytes(disk, bed.place(q)), std::byte{0});
    }
    EXPECT_EQ(found(*reg, rank(3, p)), "unavailable");
    EXPECT_EQ(reg->failures()[0].damage, Damage::blank);
}

TEST_F(DiskPaxos, Trap2e_ARestartedProcessFindsWhatItHadPushed) {
    stands(1, p, rank(6, p), rank(6, p), "pushed");  // on one disk of its recovery quorum only
    bed.moods("oof");
    auto reg = bed.recovered(p, 2);
    EXPECT_EQ(reg->own().accepted, rank(6, p));
    EXPECT_GT(next_rank(reg->highest(), reg->me()), rank(6, p));
}

// The row is read after our own write on that disk: what another writes before that is seen.
TEST_F(DiskPaxos, Trap2f_TheRowIsReadAfterTheWriteIsDurable) {
    auto reg = bed.recovered(p);
    unsigned ours_stood = 0;
    for (std::size_t disk = 0; disk < 3; ++disk) {
        bed.disk(disk).between = [this, disk, &ours_stood] {
            ours_stood += block(disk, p).promised == rank(3, p);
            stands(disk, q, rank(4, q));  // q raises its flag in between
        };
    }
    EXPECT_EQ(found(*reg, rank(3, p)), "refused");  // and is seen
    EXPECT_EQ(ours_stood, 3U);
}

// Disk 0 only writes, disk 1 only reads: neither did both, so they are no quorum together.
TEST_F(DiskPaxos, Trap2g_AMajorityOfWritesAndOneOfReadsAreNotAdded) {
    auto reg = bed.recovered(p);
    bed.moods("odf");  // disk 1: the write is done, the read fails
    EXPECT_EQ(found(*reg, rank(3, p)), "unavailable");
    EXPECT_EQ(block(1, p).promised, rank(3, p));
    EXPECT_LE(reg->tally().counted().size(), 1U);
}

// While one write to our block is in flight there is no second one; the newest content is next.
TEST_F(DiskPaxos, Trap2h_OneWriteToABlockIsInFlightAtATime) {
    auto reg = bed.recovered(p);
    bed.moods("oo.");
    for (const std::uint64_t round : {3U, 5U, 7U}) ASSERT_EQ(found(*reg, rank(round, p)), "");
    bed.queue.run_all();
    EXPECT_EQ(bed.disk(2).held(), 1U);
    EXPECT_EQ(bed.disk(2).counts.visits, 1U);
    bed.disk(2).release();
    bed.queue.run_all();
    EXPECT_EQ(bed.disk(2).counts.visits, 2U);           // not three
    EXPECT_EQ(block(2, p).promised, rank(7, p));        // the newest is what came last
}

// An answer to an older phase does not count for the current one.
TEST_F(DiskPaxos, Trap2i_AStaleAnswerDoesNotCount) {
    auto reg = bed.recovered(p);
    bed.moods("o..");
    ASSERT_EQ(found(*reg, rank(3, p)), "unavailable");  // its visits of disks 1 and 2 hang
    std::optional<ReadOutcome> second;
    Scope scope(bed.queue);
    const auto reading = [](Register& g, Rank at, Instant by,
                            std::optional<ReadOutcome>& out) -> Task<void> {
        const ReadOutcome outcome = co_await g.read(at, by);
        out = outcome;
    };
    scope.spawn(reading(*reg, rank(5, p), bed.soon(), second));
    bed.queue.run_all();
    ASSERT_FALSE(second);
    bed.disk(1).release();  // answers the visit of rank 3; that of rank 5 follows, and hangs again
    bed.disk(1).mood = MemoryDisk::Mood::silent;
    bed.queue.run_all();
    EXPECT_FALSE(second);
    bed.disk(1).release();
    bed.queue.run_all();
    ASSERT_TRUE(second);
    EXPECT_TRUE(std::holds_alternative<Found>(*second));
}

// The look after the write is what makes a write certain.
TEST_F(DiskPaxos, Trap2j_AWritePhaseLooksAfterItWrote) {
    auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(3, p)), "");
    stands(0, q, rank(9, q));
    stands(1, q, rank(9, q));
    EXPECT_EQ(wrote(*reg, rank(3, p), "mine"), "refused");
}

// Whoever finds a foreign nonce in its own block shares its slot with somebody, and stops for good.
TEST_F(DiskPaxos, Trap2k_AForeignNonceInOurBlockStopsUs) {
    auto reg = bed.recovered(p);
    bed.disk(1).between = [this] { stands(1, p, {2, Proposer::of(p, 77)}); };
    EXPECT_EQ(found(*reg, rank(3, p)), "usurped");
    EXPECT_EQ(found(*reg, rank(4, p)), "usurped");
}

TEST_F(DiskPaxos, Trap2l_ThePromiseOfAValueDoesNotRaiseIt) {
    auto reg = bed.recovered(p);
    stands_everywhere(q, rank(20, q), rank(1, q), "promised higher");
    stands_everywhere(r, rank(8, r), rank(8, r), "accepted higher");
    EXPECT_EQ(found(*reg, rank(30, p)), "accepted higher");
}

}  // namespace
}  // namespace diskpaxos
