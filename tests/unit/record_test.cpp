// Record: what a cell holds; above all, whether done[] tells "applied" from "never" for good.
#include "consensus/record.hpp"

#include <gtest/gtest.h>

#include "unit/testbed/records.hpp"

namespace diskpaxos {
namespace {

constexpr Proposer user_of(std::uint16_t slot) { return Proposer::of(slot, 7); }

constexpr Geometry narrow{.block_size = 512, .slots = 33};  // entries of 2 bytes
constexpr Geometry wide{.block_size = 512, .slots = 32};    // entries of 4 bytes

TEST(Record, LeavesThisMuchForNameAndPayload) {
    const struct {
        std::uint32_t block_size, slots;
        std::size_t capacity;
    } rows[] = {
        {512, 1, 368}, {512, 4, 356}, {512, 32, 244}, {512, 33, 306}, {512, 128, 116},
        {4096, 32, 3828}, {4096, 128, 3444},
    };
    for (const auto& row : rows) {
        const RecordFormat format(Geometry{.block_size = row.block_size, .slots = row.slots});
        EXPECT_EQ(format.capacity(), row.capacity) << row.block_size << ' ' << row.slots;
    }
}

class RecordTest : public testing::TestWithParam<Geometry> {
  protected:
    RecordFormat format{GetParam()};
    std::uint64_t range = GetParam().slots > 32 ? 0x1'0000U : 0x1'0000'0000U;
    Bytes record, next;

    // `slot` applies an operation at `round` on top of what was written at `base_round`.
    void succeed(std::uint16_t slot, std::uint64_t base_round, std::uint64_t round) {
        format.succeed(next, record, base_round, text(1, "v"), {round, user_of(slot)});
        record = next;
    }
    void carry(std::uint64_t base_round, std::uint64_t round) {
        format.carry(next, record, base_round, round);
        record = next;
    }
};
INSTANTIATE_TEST_SUITE_P(Widths, RecordTest, testing::Values(narrow, wide));

TEST_P(RecordTest, ReadsWhatWasWritten) {
    format.succeed(record, {}, 0, text(3, "payload"), {17, user_of(5)});
    ASSERT_TRUE(format.valid(record));
    const CellView view = format.view(record);
    EXPECT_EQ(view.version, 3U);
    EXPECT_EQ(view.state, CellState::set);
    EXPECT_EQ(view.name, "name");
    EXPECT_EQ(as_text(view.value), "payload");
    EXPECT_EQ(format.origin(record), 5);
}

TEST_P(RecordTest, EmptyIsVersionZeroWithoutAName) {
    EXPECT_TRUE(format.valid({}));
    EXPECT_EQ(format.view({}).version, 0U);
    EXPECT_EQ(format.view({}).state, CellState::unset);
    carry(0, 4);
    EXPECT_TRUE(format.valid(record));
    EXPECT_EQ(format.view(record).version, 0U);
    EXPECT_EQ(format.applied(record, 4, user_of(0), 1), Applied::no);
}

TEST_P(RecordTest, CarriedOnItIsTheSame) {
    succeed(2, 0, 10);
    const Bytes before = record;
    carry(10, 11);
    EXPECT_EQ(record, before);
}

TEST_P(RecordTest, FillsItsCapacityAndNotOneMore) {
    const Bytes full(format.capacity() - 4, std::byte{1});
    format.succeed(record, {}, 0, {1, CellState::set, "name", full}, {1, user_of(0)});
    EXPECT_TRUE(format.valid(record));
    const Bytes more(full.size() + 1);
    const CellView view{1, CellState::set, "name", more};
    EXPECT_DEATH(format.succeed(record, {}, 0, view, (Rank{1, user_of(0)})), "CHECK");
}

TEST_P(RecordTest, TellsAppliedFromNever) {
    succeed(2, 0, 10);
    const struct {
        const char* what;
        std::uint16_t slot;
        std::uint64_t first;
        Applied applied;
    } rows[] = {
        {"by its only attempt", 2, 10, Applied::yes},
        {"by a later attempt", 2, 8, Applied::yes},
        {"an older operation of this slot was", 2, 11, Applied::no},
        {"another slot's", 3, 8, Applied::no},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(format.applied(record, 10, user_of(row.slot), row.first), row.applied) << row.what;
    }
    EXPECT_EQ(format.applied({}, 0, user_of(2), 10), Applied::no);
}

TEST_P(RecordTest, TellsItAcrossTheWrapOfAnEntry) {
    const std::uint64_t before = range - 2;
    succeed(2, before - 1, before);
    succeed(3, before, range + 1);
    succeed(4, range + 1, range + 5);
    EXPECT_EQ(format.applied(record, range + 5, user_of(2), before), Applied::yes);
    EXPECT_EQ(format.applied(record, range + 5, user_of(2), before + 1), Applied::no);
    EXPECT_EQ(format.applied(record, range + 5, user_of(3), before), Applied::yes);
    EXPECT_EQ(format.applied(record, range + 5, user_of(3), range + 1), Applied::yes);
    EXPECT_EQ(format.applied(record, range + 5, user_of(3), range + 2), Applied::no);
}

TEST_P(RecordTest, KeepsAnEntryForHalfTheRangeAndThenSaysThatItCannotTell) {
    const std::uint64_t half = (range - 1) / 2;
    succeed(2, 0, 10);
    carry(10, 10 + half);
    EXPECT_EQ(format.applied(record, 10 + half, user_of(2), 10), Applied::yes);
    carry(10 + half, 11 + half);
    EXPECT_EQ(format.applied(record, 11 + half, user_of(2), 10), Applied::cannot_tell);
    EXPECT_EQ(format.applied(record, 11 + half, user_of(2), 11), Applied::no);  // recent, and not there
}

TEST_P(RecordTest, NeverTakesAForgottenEntryForANewOne) {
    succeed(2, 0, 10);
    std::uint64_t round = 10;
    for (int turn = 0; turn < 10; ++turn) {  // five times around
        const std::uint64_t later = round + range / 2 - 7;
        carry(round, later);
        round = later;
        const Applied answer = format.applied(record, round, user_of(2), round);
        EXPECT_EQ(answer, Applied::no) << "round " << round;
    }
    EXPECT_EQ(format.applied(record, round, user_of(2), 10), Applied::cannot_tell);
}

TEST_P(RecordTest, HasRoundsThatItCannotName) {
    EXPECT_FALSE(format.nameable(0));
    EXPECT_FALSE(format.nameable(range));
    EXPECT_FALSE(format.nameable(5 * range));
    EXPECT_TRUE(format.nameable(1));
    EXPECT_TRUE(format.nameable(range - 1));
    EXPECT_TRUE(format.nameable(range + 1));
    EXPECT_DEATH(format.succeed(record, {}, 0, text(1, "v"), (Rank{range, user_of(0)})), "CHECK");
}

TEST_P(RecordTest, KnowsWhatThisProgramDidNotWrite) {
    succeed(2, 0, 10);
    const Bytes good = record;
    Bytes bad(good.begin(), good.begin() + 20);
    EXPECT_FALSE(format.valid(bad)) << "too short";
    bad = good;
    bad.resize(512);
    EXPECT_FALSE(format.valid(bad)) << "too long";
    bad = good;
    bad[11] = std::byte{6};  // name and value are 5 bytes in all
    EXPECT_FALSE(format.valid(bad)) << "a name beyond the end";
    bad = good;
    bad[10] = std::byte{6};
    EXPECT_FALSE(format.valid(bad)) << "an unknown state";
}

TEST(MixedRecord, HasItsNameFirst) {
    const RecordFormat format(Geometry{}, DiskKinds::mixed);
    Bytes record;
    format.succeed(record, {}, 0, text(3, "payload"), {17, user_of(5)});
    EXPECT_EQ(as_text(ByteView(record).subspan(12, 4)), "name");
    EXPECT_EQ(as_text(format.view(record).value), "payload");
    EXPECT_EQ(format.applied(record, 17, user_of(5), 17), Applied::yes);
    EXPECT_EQ(format.applied(record, 17, user_of(6), 17), Applied::no);
    EXPECT_EQ(format.origin(record), 5);
}

}  // namespace
}  // namespace diskpaxos
