// The specification of the ranked register (Boichat et al.; Chockler & Malkhi), in our own words:
// algorithms.md 3.1.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class RankedRegister : public PaperTest {
  protected:
    std::unique_ptr<Register> writer = bed.recovered(p), reader = bed.recovered(q);
};

// S: what has committed is seen by every read of a higher rank, whichever majority answers it.
TEST_F(RankedRegister, S_AReadSeesEveryLowerWriteThatCommitted) {
    const char* majorities[] = {"oof", "ofo", "foo", "ooo"};
    std::uint64_t round = 3;
    for (const char* writes : majorities) {
        for (const char* reads : majorities) {
            const std::string value = "value " + std::to_string(round);
            bed.heal();
            read(*writer, rank(round, p));
            bed.moods(writes);
            ASSERT_EQ(wrote(*writer, rank(round, p), value), "written");
            bed.heal();
            bed.moods(reads);
            EXPECT_EQ(found(*reader, rank(round + 1, q)), value) << writes << ' ' << reads;
            EXPECT_EQ(reader->value_rank(), rank(round, p));
            bed.queue.run_all();
            round += 2;
        }
    }
}

// S: what a read returns was written at a lower rank, or is the initial value with no rank.
TEST_F(RankedRegister, S_AReadReturnsALowerRankOrNone) {
    const ReadOutcome outcome = read(*reader, rank(3, q));
    ASSERT_TRUE(std::holds_alternative<Found>(outcome));
    EXPECT_TRUE(std::get<Found>(outcome).rank.none());
    EXPECT_TRUE(reader->value().empty());
}

// S: after a read of a higher rank, no write of a lower one commits unseen.
TEST_F(RankedRegister, S_AWriteBelowAReadDoesNotCommit) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    ASSERT_EQ(found(*reader, rank(4, q)), "");
    EXPECT_EQ(wrote(*writer, rank(3, p), "late"), "refused");
}

// N: an operation is refused only if one of a higher rank was invoked. Lower ones do not disturb.
TEST_F(RankedRegister, N_OnlyAHigherRankRefuses) {
    const struct {
        Rank other;
        const char* outcome;
    } rows[] = {{rank(1, q), "written"}, {rank(4, q), "written"},
                {rank(5, q), "refused"}, {rank(6, q), "refused"}};
    for (const auto& row : rows) {
        for (std::size_t disk = 0; disk < 3; ++disk) {
            encode_initial(bed.bytes(disk, bed.place(p)), bed.address(disk).block(bed.place(p)));
            stands(disk, q, rank(1, q));
        }
        auto fresh = bed.recovered(p);
        ASSERT_EQ(found(*fresh, rank(5, p)), "");
        stands_everywhere(q, row.other);
        EXPECT_EQ(wrote(*fresh, rank(5, p), "mine"), row.outcome) << row.other.round;
    }
}

// N: failing disks refuse nothing; there is no rank to beat then.
TEST_F(RankedRegister, N_FailingDisksMakeItUnavailableAndNotRefused) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    bed.moods("off");
    EXPECT_EQ(wrote(*writer, rank(3, p), "mine"), "unavailable");
}

// L: it ends if a majority of the disks answers, whatever the others do.
TEST_F(RankedRegister, L_AMajorityThatAnswersIsEnough) {
    std::uint64_t round = 3;
    for (const char* moods : {"oo.", "o.o", ".oo", "oof", "ofo", "foo"}) {
        bed.moods(moods);
        EXPECT_NE(found(*writer, rank(round, p)), "unavailable") << moods;
        EXPECT_EQ(wrote(*writer, rank(round, p), "mine"), "written") << moods;
        for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).release();
        bed.queue.run_all();
        bed.heal();
        round += 2;
    }
}

// Abort means "I cannot tell": the value of a refused write may be adopted by a later reader.
TEST_F(RankedRegister, ARefusedWriteMayStillBeAdopted) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    for (std::size_t disk = 0; disk < 3; ++disk) stands(disk, r, rank(4, r));
    ASSERT_EQ(wrote(*writer, rank(3, p), "refused yet there"), "refused");
    ASSERT_EQ(found(*reader, rank(9, q)), "refused yet there");
    EXPECT_EQ(wrote(*reader, rank(9, q), "refused yet there"), "written");
}

// ... and so may one of which nothing was heard, long after its writer gave up.
TEST_F(RankedRegister, AnUnansweredWriteMayStillBeAdopted) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    bed.moods("...");
    ASSERT_EQ(wrote(*writer, rank(3, p), "late"), "unavailable");
    writer.reset();  // it even died
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).release();
    bed.queue.run_all();
    EXPECT_EQ(found(*reader, rank(9, q)), "late");
}

// ... or it may not be: the later reader need not have seen the disk on which it stands.
TEST_F(RankedRegister, AnUnansweredWriteMayAlsoBeLost) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    bed.moods("dff");
    ASSERT_EQ(wrote(*writer, rank(3, p), "on one disk"), "unavailable");
    bed.moods("foo");
    EXPECT_EQ(found(*reader, rank(9, q)), "");
}

// A refused read has proposed nothing: its block carries its promise, and no value.
TEST_F(RankedRegister, ARefusedReadProposesNothing) {
    stands_everywhere(q, rank(9, q));
    ASSERT_EQ(found(*writer, rank(3, p)), "refused");
    for (std::size_t disk = 0; disk < 3; ++disk) {
        EXPECT_EQ(block(disk, p).promised, rank(3, p));
        EXPECT_TRUE(block(disk, p).accepted.none());
    }
}

// Resolution: once a higher rank has committed on a base without it, a write never takes effect,
// not even when its blocks land afterwards on every disk.
TEST_F(RankedRegister, ACommitAtAHigherRankSettlesAllEarlierAttempts) {
    ASSERT_EQ(found(*writer, rank(3, p)), "");
    bed.moods("fff");
    ASSERT_EQ(wrote(*writer, rank(3, p), "overtaken"), "unavailable");
    bed.heal();
    ASSERT_EQ(found(*reader, rank(5, q)), "");
    ASSERT_EQ(wrote(*reader, rank(5, q), "settled"), "written");
    stands_everywhere(p, rank(3, p), rank(3, p), "overtaken");
    for (const std::uint64_t round : {7U, 8U}) EXPECT_EQ(found(*reader, rank(round, q)), "settled");
    auto third = bed.recovered(r);
    EXPECT_EQ(found(*third, rank(9, r)), "settled");
}

}  // namespace
}  // namespace diskpaxos
