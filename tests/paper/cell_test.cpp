// The rules of the cell (CASPaxos on a ranked register), in our own words: algorithms.md 4.2 to 4.5.
#include "paper_test.hpp"

namespace diskpaxos {
namespace {

class CellRules : public PaperTest {
  protected:
    std::unique_ptr<Cell> cell = bed.cell_of(p);

    ChangeOutcome change(const ChangeFn& f) { return bed.run(cell->change(f, bed.soon())); }
    std::string_view text() { return as_text(cell->view().value); }

    // While the next write of p is under way, slot r raises its flag above it on every disk.
    void refuse_the_next_write(Rank by) {
        for (std::size_t disk = 0; disk < 3; ++disk) {
            bed.disk(disk).between = [this, disk, by] { bed.promise(disk, bed.place(r), by); };
        }
    }
    // A record as q would have written it.
    Bytes record_of(Rank at, std::string_view value) {
        Bytes record;
        bed.format().succeed(record, {}, 0, {1, CellState::set, "", as_bytes(value)}, at);
        return record;
    }
    static Verdict append_x(const CellView& base, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(base.value.begin(), base.value.end());
        draft.value.push_back(static_cast<std::byte>('x'));
        return Verdict::write;
    }
};

// 4.2: an operation whose attempt may have been seen is looked for in the base, and applied once.
TEST_F(CellRules, Trap4a_ARetryAppliesOnce) {
    change(append_x);
    refuse_the_next_write(rank(40, r));
    const ChangeOutcome outcome = change(append_x);
    ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
    EXPECT_TRUE(std::get<Committed>(outcome).applied);
    EXPECT_EQ(bed.trace.count(Step::Kind::backed_off), 1U);  // it did lose, and try again
    EXPECT_EQ(text(), "xx");
    EXPECT_EQ(cell->view().version, 2U);
}

// Its own operation in the base is no commit: it writes the base again before it says yes.
TEST_F(CellRules, Trap4b_AnOwnOperationInTheBaseIsCommittedAgain) {
    change(append_x);
    refuse_the_next_write(rank(40, r));
    change(append_x);
    for (std::size_t disk = 0; disk < 3; ++disk) {
        EXPECT_GT(block(disk, p).accepted, rank(40, r)) << "still the refused attempt's";
    }
}

// A condition that is not met is told only after the base was written: the next must see it, too.
TEST_F(CellRules, Trap4c_AnUnmetConditionCommitsItsBase) {
    const Bytes record = record_of(rank(5, q), "in the way");
    stands(0, q, rank(5, q), rank(5, q), as_text(record));  // on one disk: nobody knows if it commits
    const ChangeFn never = [](const CellView&, Draft&) { return Verdict::keep; };
    const ChangeOutcome outcome = change(never);
    ASSERT_TRUE(std::holds_alternative<Committed>(outcome));
    EXPECT_FALSE(std::get<Committed>(outcome).applied);
    ASSERT_EQ(text(), "in the way");
    bed.disk(0).mood = MemoryDisk::Mood::failing;  // without the disk on which it stood
    auto other = bed.cell_of(r);
    bed.run(other->get(bed.soon()));
    EXPECT_EQ(as_text(other->view().value), "in the way");
}

// f is judged anew on every base, and what it drafted for a base that was lost leaves no trace.
TEST_F(CellRules, Trap4g_TheFunctionIsPureAndSeesTheBaseOfItsAttempt) {
    change(append_x);
    const Bytes record = record_of(rank(60, q), "other");
    for (std::size_t disk = 0; disk < 3; ++disk) {
        bed.disk(disk).between = [this, disk, record] {
            stands(disk, q, rank(60, q), rank(60, q), as_text(record));
        };
    }
    change(append_x);
    EXPECT_EQ(text(), "otherx");
    EXPECT_EQ(cell->view().version, 2U);
}

// 4.2: out of time with a write under way is "unknown", and never "failed".
TEST_F(CellRules, Rule4_2_AnUnansweredChangeIsUnsettled) {
    change(append_x);
    bed.moods("...");
    EXPECT_TRUE(std::holds_alternative<Unsettled>(change(append_x)));
}

// Before anything was proposed it is harmless, and said so.
TEST_F(CellRules, Rule4_2_AChangeThatProposedNothingIsUndecided) {
    bed.moods("...");
    EXPECT_TRUE(std::holds_alternative<Undecided>(change(append_x)));
}

// 4.3: every commit stands in the lineage of every later one.
TEST_F(CellRules, Rule4_3_EveryChangeBuildsOnTheOneBefore) {
    auto other = bed.cell_of(q);
    for (int turn = 0; turn < 4; ++turn) {
        change(append_x);
        bed.run(other->change(append_x, bed.soon()));
    }
    EXPECT_EQ(as_text(other->view().value), "xxxxxxxx");
    EXPECT_EQ(other->view().version, 8U);
}

// ---- 4.5 reads that write nothing ----

class Reads : public PaperTest {
  protected:
    std::unique_ptr<Register> reader = bed.recovered(p);
};

// The highest value of a quorum is no answer: it may be on too few disks to have been committed.
TEST_F(Reads, Trap4d_TheHighestValueIsNotReturnedUnconfirmed) {
    stands(0, q, rank(3, q), rank(3, q), "maybe");
    EXPECT_EQ(looked(*reader), "open");
}

// One pass over the disks is not enough: the owner's write may have been overtaken while we looked.
TEST_F(Reads, Rule4_5_OnePassIsNotEnough) {
    stands_everywhere(q, rank(3, q), rank(3, q), "overtaken");
    for (std::size_t disk = 0; disk < 3; ++disk) {
        bed.disk(disk).after_read = [this, disk] { stands(disk, r, rank(9, r)); };
    }
    EXPECT_EQ(looked(*reader), "open");
}

// 1. The second pass, after the first over the same disk, runs the owner's check in its place.
TEST_F(Reads, Rule4_5_1_ADoubleCollectConfirms) {
    stands_everywhere(q, rank(3, q), rank(3, q), "confirmed");
    EXPECT_EQ(looked(*reader), "confirmed");
}

// The owner's own promise of its next rank does not disturb; another's does.
TEST_F(Reads, Rule4_5_1_TheOwnersNextPromiseDoesNotDisturb) {
    stands_everywhere(q, rank(4, q), rank(3, q), "confirmed");
    EXPECT_EQ(looked(*reader), "confirmed");
    stands(0, r, rank(4, r));
    stands(1, r, rank(4, r));
    auto second = bed.recovered(p, 2);
    EXPECT_EQ(looked(*second), "open");
}

// Only a majority of disks that all showed the value will do.
TEST_F(Reads, Rule4_5_1_EveryDiskThatConfirmsMustHaveShownTheValue) {
    stands(0, q, rank(3, q), rank(3, q), "on one of two");
    bed.disk(2).mood = MemoryDisk::Mood::failing;
    EXPECT_EQ(looked(*reader), "open");
    stands(1, q, rank(3, q), rank(3, q), "on one of two");
    EXPECT_EQ(looked(*reader), "on one of two");
}

// 2. A commit mark that is not older than the value says it all in one pass.
TEST_F(Reads, Rule4_5_2_ACommitMarkSavesTheSecondPass) {
    stands_everywhere(q, rank(3, q), rank(3, q), "marked");
    stands(1, r, rank(1, r), {}, "", rank(3, q));
    bed.queue.run_all();
    bed.take_counts();
    EXPECT_EQ(looked(*reader), "marked");
    EXPECT_EQ(bed.take_counts()[0].reads, 1U);
}

TEST_F(Reads, Rule4_5_2_ACommitMarkOfAnOlderRankDoesNot) {
    stands_everywhere(q, rank(3, q), rank(3, q), "older");
    stands(0, r, rank(7, r), rank(7, r), "newer", rank(3, q));
    EXPECT_EQ(looked(*reader), "open");
}

// 3. The owner of the last commit reads in one pass, but it does look.
TEST_F(Reads, Rule4_5_3_TheOwnerReadsInOnePassAndLooks) {
    ASSERT_EQ(found(*reader, rank(3, p)), "");
    ASSERT_EQ(wrote(*reader, rank(3, p), "mine"), "written");
    bed.queue.run_all();
    bed.take_counts();
    EXPECT_EQ(looked(*reader), "mine");
    bed.queue.run_all();
    EXPECT_EQ(bed.take_counts()[0].reads, 1U);
    stands_everywhere(q, rank(5, q), rank(5, q), "another's");
    EXPECT_EQ(looked(*reader), "another's");
}

}  // namespace
}  // namespace diskpaxos
