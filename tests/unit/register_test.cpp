// Register: the outcomes that its header promises, on disks that answer as they are told. The rules
// behind them, one by one, are in tests/paper.
#include "register/register.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr std::uint16_t ours = 0, theirs = 1;

class RegisterTest : public testing::Test {
  protected:
    Testbed bed{3};
    std::unique_ptr<Register> reg = bed.recovered(ours);

    Rank above() { return next_rank(reg->highest(), reg->me()); }
    ReadOutcome read(Rank rank) { return bed.run(reg->read(rank, bed.soon())); }
    WriteOutcome write(Rank rank, std::string_view value) {
        return bed.run(reg->write(rank, as_bytes(value), rank, bed.soon()));
    }
    Rank written(std::string_view value) {
        const Rank rank = above();
        EXPECT_TRUE(std::holds_alternative<Found>(read(rank)));
        EXPECT_TRUE(std::holds_alternative<Written>(write(rank, value)));
        return rank;
    }
};

TEST_F(RegisterTest, FindsNothingInAFreshGroup) {
    const ReadOutcome outcome = read(above());
    ASSERT_TRUE(std::holds_alternative<Found>(outcome));
    EXPECT_TRUE(std::get<Found>(outcome).rank.none());
    EXPECT_TRUE(reg->value().empty());
}

TEST_F(RegisterTest, FindsWhatAnotherWrote) {
    const Rank rank = written("apple");
    auto other = bed.recovered(theirs);
    const ReadOutcome outcome =
        bed.run(other->read(next_rank(other->highest(), other->me()), bed.soon()));
    ASSERT_TRUE(std::holds_alternative<Found>(outcome));
    EXPECT_EQ(std::get<Found>(outcome).rank, rank);
    EXPECT_EQ(as_text(other->value()), "apple");
}

TEST_F(RegisterTest, OutcomesByWhatTheDisksDo) {
    const struct {
        const char* moods;
        bool done;
    } rows[] = {{"ooo", true},  {"oof", true},  {"ofo", true},  {"o.o", true},  {"ood", true},
                {"off", false}, {"o..", false}, {"o.f", false}, {"odd", false}, {"fff", false}};
    for (const auto& row : rows) {
        for (const bool writing : {false, true}) {
            Testbed fresh(3);
            auto mine = fresh.recovered(ours);
            const Rank rank = next_rank(mine->highest(), mine->me());
            if (!writing) fresh.moods(row.moods);
            const ReadOutcome found = fresh.run(mine->read(rank, fresh.soon()));
            if (!writing) {
                EXPECT_EQ(std::holds_alternative<Found>(found), row.done) << row.moods;
                EXPECT_EQ(std::holds_alternative<Unavailable>(found), !row.done) << row.moods;
                continue;
            }
            fresh.moods(row.moods);
            const auto wrote = fresh.run(mine->write(rank, as_bytes("v"), rank, fresh.soon()));
            EXPECT_EQ(std::holds_alternative<Written>(wrote), row.done) << row.moods;
            EXPECT_EQ(std::holds_alternative<Unavailable>(wrote), !row.done) << row.moods;
        }
    }
}

TEST_F(RegisterTest, GivesUpAtTheDeadlineAndNotBefore) {
    bed.moods("o..");
    const Instant deadline = bed.soon();
    EXPECT_TRUE(std::holds_alternative<Unavailable>(bed.run(reg->read(above(), deadline))));
    EXPECT_EQ(bed.clock.now(), deadline);
}

TEST_F(RegisterTest, AnswersAsSoonAsAMajorityIsIn) {
    bed.moods("o.o");
    const Instant before = bed.clock.now();
    written("apple");
    EXPECT_EQ(bed.clock.now(), before);
}

TEST_F(RegisterTest, WhenRefusedWaitsForTheSilentNoLongerThanItsPatience) {
    bed.moods("o.o");
    bed.promise(0, bed.place(theirs), {99, Proposer::of(theirs, 1)});
    const Instant before = bed.clock.now();
    const ReadOutcome outcome = read(above());
    ASSERT_TRUE(std::holds_alternative<Refused>(outcome));
    EXPECT_EQ(std::get<Refused>(outcome).by, (Rank{99, Proposer::of(theirs, 1)}));
    EXPECT_EQ(bed.clock.now() - before, Testbed::patience);
}

TEST_F(RegisterTest, SaysWhyADiskDidNotCount) {
    bed.disk(0).mood = MemoryDisk::Mood::failing;
    bed.spoil(1, bed.place(theirs));
    read(above());
    EXPECT_EQ(reg->failures()[0].kind, Failure::Kind::io);
    EXPECT_EQ(reg->failures()[0].error, EIO);
    EXPECT_EQ(reg->failures()[1].kind, Failure::Kind::damaged);
    EXPECT_EQ(reg->failures()[1].damage, Damage::checksum);
    EXPECT_EQ(reg->failures()[2].kind, Failure::Kind::none);
}

TEST_F(RegisterTest, ReadsARowWithABadChecksumAgain) {
    auto patient = bed.register_of(theirs, 1, 0, 2);
    bed.spoil(1, bed.place(ours));
    bed.take_counts();
    EXPECT_TRUE(std::holds_alternative<Certainty>(bed.run(patient->recover(bed.soon()))));
    bed.queue.run_all();
    EXPECT_EQ(bed.take_counts()[1].reads, 3U);
}

TEST_F(RegisterTest, UsesARankOnlyOnceAndOnlyUpwards) {
    const Rank rank = written("apple");
    EXPECT_DEATH(read(rank), "CHECK");
    EXPECT_DEATH(write(above(), "pear"), "CHECK");  // its read did not come first
}

TEST_F(RegisterTest, IsNotReadBeforeItsOwnBlockIsRecovered) {
    auto hasty = bed.register_of(theirs);
    EXPECT_DEATH(bed.run(hasty->read({1, hasty->me()}, bed.soon())), "CHECK");
}

TEST_F(RegisterTest, MayDieWithVisitsOnTheirWay) {
    {
        auto doomed = bed.recovered(theirs);
        bed.moods("...");
        bed.run(doomed->read({1, doomed->me()}, bed.soon()));
    }
    for (std::size_t disk = 0; disk < 3; ++disk) bed.disk(disk).release();
    bed.queue.run_all();
    EXPECT_EQ(bed.block(0, bed.place(theirs)).block.promised.round, 1U);  // it still happened
}

}  // namespace
}  // namespace diskpaxos
