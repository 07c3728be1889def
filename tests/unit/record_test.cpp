// Record: what a cell holds; above all, whether done[] tells "applied" from "never" for good.
#include "consensus/record.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include "disk/block.hpp"

namespace diskpaxos {

void PrintTo(Applied applied, std::ostream* out) {
    constexpr const char* names[] = {"no", "yes", "cannot tell"};
    *out << names[static_cast<int>(applied)];
}

namespace {

constexpr Proposer user_of(std::uint16_t slot) { return Proposer::of(slot, 7); }

constexpr Geometry narrow{.block_size = 512, .slots = 33};  // entries of 2 bytes
constexpr Geometry wide{.block_size = 512, .slots = 32};    // entries of 4 bytes

CellView text(std::uint64_t version, std::string_view value) {
    return {version, CellState::set, "name", as_bytes(value)};
}

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

// ---- by rank: where nobody has a slot ----

struct Room {
    std::uint32_t block_size;
    bool roomy;
};
void PrintTo(const Room& room, std::ostream* out) {
    *out << room.block_size << (room.roomy ? " roomy" : "");
}

class LineageOf : public testing::TestWithParam<Room> {
  protected:
    RecordFormat format{Geometry{.block_size = GetParam().block_size, .roomy = GetParam().roomy},
                        DiskKinds::active};
    bool small = GetParam().block_size == 512;
    std::size_t ranks = !small ? 32 : GetParam().roomy ? 22 : 8;  // beside "name" and "v"
    std::size_t remembered = 2 * ranks - 1;
    Bytes record, next;
    std::uint64_t round = 0;

    void change(std::uint64_t at, std::uint64_t who, std::string_view value = "v") {
        format.succeed(next, record, round, text(1, value), {at, Proposer(who)});
        record = next;
        round = at;
    }
    Applied applied(std::uint64_t who, std::uint64_t first) {
        return format.applied(record, round, Proposer(who), first);
    }
};
const auto rooms =
    testing::Values(Room{512, false}, Room{4096, false}, Room{512, true}, Room{4096, true});
INSTANTIATE_TEST_SUITE_P(Blocks, LineageOf, rooms);

TEST_P(LineageOf, LeavesAsMuchRoomAsThirtyTwoSlotsOrNearly) {
    EXPECT_EQ(format.capacity(), small ? 244U : 3444U);
    change(1, 7);
    const CellView view = format.view(record);
    EXPECT_EQ(view.name, "name");
    EXPECT_EQ(as_text(view.value), "v");
}

TEST_P(LineageOf, TellsWhoseAttemptsAreInIt) {
    change(10, 1);
    change(12, 2);
    EXPECT_EQ(applied(1, 10), Applied::yes);
    EXPECT_EQ(applied(1, 9), Applied::yes);
    EXPECT_EQ(applied(1, 11), Applied::no);
    EXPECT_EQ(applied(2, 11), Applied::yes);
    EXPECT_EQ(applied(3, 1), Applied::no);
    EXPECT_TRUE(format.latest(record, Proposer(2)));
    EXPECT_FALSE(format.latest(record, Proposer(1)));
}

TEST_P(LineageOf, CarriedOnItIsTheSame) {
    change(10, 1);
    const Bytes before = record;
    format.carry(next, record, 10, 11);
    EXPECT_EQ(next, before);
}

TEST_P(LineageOf, WhatFellOutOfItIsNotTakenForNeverApplied) {
    for (std::size_t i = 0; i <= remembered; ++i) change(10 + i, 100 + i);  // one too many
    EXPECT_EQ(applied(100, 10), Applied::cannot_tell);
    EXPECT_EQ(applied(7, 10), Applied::cannot_tell);
    EXPECT_EQ(applied(101, 11), Applied::yes);
    EXPECT_EQ(applied(7, 12), Applied::no);  // the oldest that it remembers is older
}

TEST_P(LineageOf, HasOneEntryForEachProcess) {
    for (std::size_t i = 0; i < remembered; ++i) change(10 + i, 100 + i);
    for (std::size_t i = 0; i < 3 * remembered; ++i) change(200 + i, 100 + i % 3);
    for (std::size_t i = 3; i < remembered; ++i) {
        EXPECT_EQ(format.last_round(record, round, Proposer(100 + i)), 10 + i);
        EXPECT_EQ(applied(100 + i, 10 + i), Applied::yes) << i;
        EXPECT_EQ(applied(100 + i, 11 + i), Applied::no) << i;
    }
    EXPECT_EQ(format.last_round(record, round, Proposer(100)), 200 + 3 * remembered - 3);
    EXPECT_EQ(format.last_round(record, round, Proposer(7)), 0U);
}

// Whoever is not among them was never there, as long as there is room for more.
TEST_P(LineageOf, KnowsThatItIsWhole) {
    for (std::size_t i = 0; i < 5 * remembered; ++i) change(10 + i, 100 + i % (remembered - 1));
    EXPECT_EQ(applied(7, 1), Applied::no);
}

// Between two that follow each other lie at most so many rounds; what is older is left out.
TEST_P(LineageOf, WhatLiesTooFarBackIsLeftOut) {
    change(10, 1);
    change(20, 2);
    change(20 + 0x7fff, 3);
    EXPECT_EQ(applied(2, 20), Applied::yes);
    EXPECT_EQ(applied(1, 10), Applied::yes);
    EXPECT_EQ(applied(7, 1), Applied::no);
    change(20 + 0x7fff + 0x8000, 4);
    EXPECT_EQ(applied(3, 20 + 0x7fff), Applied::cannot_tell);
    EXPECT_EQ(applied(7, 1), Applied::cannot_tell);
    EXPECT_EQ(applied(7, round + 1), Applied::no);
    change(round + 1, 5);
    EXPECT_EQ(applied(4, round - 1), Applied::yes);
    EXPECT_EQ(applied(3, 20 + 0x7fff), Applied::cannot_tell);
}

// ---- roomy groups: as long as name and value leave room for ----

struct LineageBeside {
    std::size_t value, block_size, entries;
};

class Roomy : public testing::TestWithParam<LineageBeside> {};
INSTANTIATE_TEST_SUITE_P(Values, Roomy,
                         testing::Values(LineageBeside{0, 512, 45}, LineageBeside{8, 512, 43},
                                         LineageBeside{9, 512, 43}, LineageBeside{100, 512, 31},
                                         LineageBeside{224, 512, 17}, LineageBeside{225, 512, 15},
                                         LineageBeside{240, 512, 15}, LineageBeside{0, 4096, 63},
                                         LineageBeside{3440, 4096, 63}));

TEST_P(Roomy, RemembersAsManyAsThereIsRoomFor) {
    const auto block_size = static_cast<std::uint32_t>(GetParam().block_size);
    const RecordFormat format(Geometry{.block_size = block_size, .roomy = true}, DiskKinds::active);
    const std::string value(GetParam().value, 'v');
    Bytes record, next;
    constexpr std::uint64_t changes = 100;
    for (std::uint64_t i = 1; i <= changes; ++i) {
        format.succeed(next, record, i - 1, text(i, value), {i, Proposer(100 + i)});
        record = next;
        ASSERT_TRUE(format.valid(record));
        ASSERT_LE(record.size(), value_capacity(block_size));
        ASSERT_EQ(as_text(format.view(record).value), value);
    }
    const std::uint64_t oldest = changes - GetParam().entries + 1;
    EXPECT_EQ(format.applied(record, changes, Proposer(100 + oldest), oldest), Applied::yes);
    EXPECT_EQ(format.applied(record, changes, Proposer(99 + oldest), oldest - 1),
              Applied::cannot_tell);
}

class RoomyLineage : public LineageOf {};
INSTANTIATE_TEST_SUITE_P(Blocks, RoomyLineage, testing::Values(Room{512, true}));

// Neither what a large value has pushed out nor what was never there comes back with a small one.
TEST_P(RoomyLineage, WhatALargeValueHasPushedOutIsNotTakenForNeverApplied) {
    const std::size_t all = remembered - 1;
    for (std::size_t i = 0; i < all; ++i) change(10 + i, 100 + i);
    EXPECT_EQ(applied(100, 10), Applied::yes);
    EXPECT_EQ(applied(7, 1), Applied::no) << "these are all there ever were";
    change(100, 7, std::string(240, 'v'));  // leaves the changes of the last 14
    const std::size_t kept = all - 14;
    EXPECT_EQ(applied(100 + kept, 10 + kept), Applied::yes);
    EXPECT_EQ(applied(99 + kept, 9 + kept), Applied::cannot_tell);
    for (std::size_t i = 0; i < remembered - 15; ++i) change(101 + i, 200 + i);
    EXPECT_EQ(applied(100 + kept, 10 + kept), Applied::yes);
    EXPECT_EQ(applied(100, 10), Applied::cannot_tell);
    EXPECT_EQ(applied(8, 1), Applied::cannot_tell);
}

TEST_P(RoomyLineage, CarriedOnFromARecordOfAnotherLengthItKeepsWhatFits) {
    for (std::size_t i = 0; i < 3; ++i) change(10 + i, 100 + i);
    // As some other program may write: no longer than there must be, whatever the value leaves.
    const std::size_t at = 12 + std::string_view("name").size();
    const auto from = record.begin() + static_cast<std::ptrdiff_t>(at + std::size_t{8} * 16);
    record.erase(from, record.end() - 1);
    record[8] = std::byte{8};
    ASSERT_TRUE(format.valid(record));
    format.carry(next, record, round, 20);
    EXPECT_GT(next.size(), record.size());
    record = next;
    EXPECT_EQ(applied(100, 10), Applied::yes);
    EXPECT_EQ(applied(7, 1), Applied::no);
    EXPECT_EQ(as_text(format.view(record).value), "v");
}

TEST_P(RoomyLineage, RefusesALengthThatCannotBe) {
    change(10, 1);
    for (const int groups : {0, 7, 23, 33, 255}) {
        Bytes bad = record;
        bad[8] = static_cast<std::byte>(groups);
        EXPECT_FALSE(format.valid(bad)) << groups;
    }
}

// ---- beside programs of before: a rank in full for each change, the newest put in front ----

class OlderPrograms : public LineageOf {
  protected:
    ByteSpan groups() {
        return ByteSpan(record).subspan(12 + std::string_view("name").size(), 16 * ranks);
    }
    Rank at(std::size_t back) {
        return {load<std::uint64_t>(groups(), 16 * back),
                Proposer(load<std::uint64_t>(groups(), 16 * back + 8))};
    }
    void older_change(std::uint64_t at_round, std::uint64_t who) {
        if (record.empty()) {
            change(at_round, who);
            std::ranges::fill(groups().subspan(16), std::byte{0});
            return;
        }
        const ByteSpan all = groups();
        std::ranges::copy_backward(all.first(all.size() - 16), all.end());
        store<std::uint64_t>(all, 0, at_round);
        store<std::uint64_t>(all, 8, who);
        round = at_round;
    }
    Applied older_applied(std::uint64_t who, std::uint64_t first) {
        Rank oldest;
        for (std::size_t back = 0; back < ranks; ++back) {
            oldest = at(back);
            if (oldest.none()) return Applied::no;
            if (oldest.proposer == Proposer(who) && oldest.round >= first) return Applied::yes;
        }
        return oldest.round < first ? Applied::no : Applied::cannot_tell;
    }
};
INSTANTIATE_TEST_SUITE_P(Blocks, OlderPrograms,  // they do not open what is roomy
                         testing::Values(Room{512, false}, Room{4096, false}));

TEST_P(OlderPrograms, AreRead) {
    older_change(10, 1);
    older_change(11, 2);
    older_change(12, 1);
    EXPECT_EQ(format.last_round(record, round, Proposer(1)), 12U);
    EXPECT_EQ(applied(2, 11), Applied::yes);
    EXPECT_EQ(applied(3, 1), Applied::no);
    for (std::uint64_t i = 0; i < ranks; ++i) older_change(20 + i, 3);
    EXPECT_EQ(applied(1, 12), Applied::cannot_tell);
    EXPECT_EQ(applied(1, 21), Applied::no);
}

TEST_P(OlderPrograms, AreFollowed) {
    for (std::uint64_t i = 0; i < ranks; ++i) older_change(10 + i, 100 + i);
    change(200, 7);
    for (std::uint64_t i = 0; i < ranks; ++i)
        EXPECT_EQ(applied(100 + i, 10 + i), Applied::yes) << i;
    EXPECT_EQ(applied(8, 10), Applied::cannot_tell);
    older_change(201, 9);
    change(202, 10);
    EXPECT_EQ(applied(9, 201), Applied::yes);
    EXPECT_EQ(applied(7, 200), Applied::yes);
    EXPECT_EQ(applied(100 + ranks - 1, 10 + ranks - 1), Applied::yes);
}

// They never take what they do not understand for a no.
TEST_P(OlderPrograms, NeverConcludeThatTheirChangeWasNotApplied) {
    const auto random = [](std::uint64_t n) {
        return n * 0x9e37'79b9'7f4a'7c15U;
    };  // as they are drawn
    for (std::uint64_t i = 0; i < 3 * ranks; ++i) {
        const std::uint64_t older = random(1'000 + i), newer = random(1 + i % 5);
        older_change(10 + 2 * i, older);
        change(11 + 2 * i, newer);
        EXPECT_NE(older_applied(older, 10 + 2 * i), Applied::no) << i;
        EXPECT_EQ(older_applied(newer, round), Applied::yes);
        EXPECT_EQ(older_applied(random(2'000), round + 1), Applied::cannot_tell);
    }
}

TEST_P(LineageOf, EveryRoundCanBeNamed) {
    EXPECT_TRUE(format.nameable(0x1'0000'0000U));
    EXPECT_TRUE(format.nameable(0x1'0000U));
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
