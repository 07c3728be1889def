// Lineage: of the last processes that changed a record, the rank of their last change; where nobody
// has a slot. Seen through RecordFormat, which decides how long it is.
#include "consensus/lineage.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "disk/block.hpp"
#include "unit/testbed/records.hpp"

namespace diskpaxos {
namespace {

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
    for (std::size_t i = 0; i < remembered - 15; ++i) {  // with a small one there is room again
        change(101 + i, 200 + i);
        EXPECT_EQ(applied(100 + kept, 10 + kept), Applied::yes) << i;
        EXPECT_EQ(applied(100, 10), Applied::cannot_tell) << i;
        EXPECT_EQ(applied(8, 1), Applied::cannot_tell) << i;
    }
}

TEST_P(RoomyLineage, NothingThatIsCarriedOnIsNothingStill) {
    record.assign(12 + std::size_t{8} * 16, std::byte{0});  // as short as it may be
    record[8] = std::byte{8};
    ASSERT_TRUE(format.valid(record));
    format.carry(next, record, 0, 1);
    ASSERT_GT(next.size(), record.size());
    EXPECT_TRUE(std::ranges::all_of(ByteView(next).subspan(10),
                                    [](std::byte b) { return b == std::byte{0}; }));
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

}  // namespace
}  // namespace diskpaxos
