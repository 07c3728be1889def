// The ceiling of ranks, rule by rule (docs/protocol.md): what a client does with an agent that answers
// *above the ceiling*.
#include <algorithm>

#include "paper_test.hpp"

namespace diskpaxos {
namespace {

constexpr std::uint64_t low = 1000;  // the ceiling of an agent whose clock is right
constexpr std::uint64_t high = std::uint64_t{1} << 48;

class Ceiling : public PaperTest {
  protected:
    explicit Ceiling(DiskSet active = DiskSet::first(3)) : PaperTest(active) {
        for (std::size_t disk = 0; disk < 3; ++disk) {
            bed.disk(disk).ceiling = low;
            bed.disk(disk).asked = [this](const Io& io) {
                if (io.kind == Io::Kind::step) asked.push_back(io.rank.round);
            };
        }
    }

    std::string changed(Cell& cell, std::string_view text = "v") {
        const ChangeOutcome outcome = bed.run(cell.change(set_to(text), bed.soon()));
        bed.queue.run_all();
        if (std::holds_alternative<Committed>(outcome)) return "committed";
        return std::holds_alternative<Damaged>(outcome) ? "damaged" : "not";
    }
    std::uint64_t highest_asked() const { return asked.empty() ? 0 : *std::ranges::max_element(asked); }
    Rank promised(std::size_t disk) { return bed.block(disk, 0).block.promised; }

    std::vector<std::uint64_t> asked;
};

TEST_F(Ceiling, C1_BelowItNobodyNoticesIt) {
    const auto cell = bed.cell_of(p);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(changed(*cell), "committed");
    EXPECT_LT(highest_asked(), 110U);
}

// An agent that booted in 2099, and a stranger who has made use of it.
TEST_F(Ceiling, C3_TheDiskWithTheHighestPromiseIsLeftOut) {
    stands(0, q, rank(high, q));
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    EXPECT_LE(highest_asked(), high + 1);
    EXPECT_LT(promised(1).round, 10U);
    EXPECT_LT(promised(2).round, 10U);
    bed.take_counts();
    asked.clear();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(changed(*cell), "committed");
    EXPECT_LT(highest_asked(), 50U);
    EXPECT_EQ(bed.take_counts()[1].steps, 10U) << "the fast path is as it was: one step";
    EXPECT_EQ(bed.run(cell->get(bed.soon())).index(), 0U);
    EXPECT_EQ(as_text(cell->view().value), "v");
}

// What was committed before is found again on the disks that are left.
TEST_F(Ceiling, C3_NothingIsLostByLeavingOneOut) {
    ASSERT_EQ(changed(*bed.cell_of(q), "before"), "committed");
    const Block standing = block(0, 0);
    bed.promise(0, 0, rank(high, r));
    const auto cell = bed.cell_of(p);
    const ChangeFn keep = [](const CellView& base, Draft&) {
        EXPECT_EQ(as_text(base.value), "before");
        return Verdict::keep;
    };
    EXPECT_TRUE(std::holds_alternative<Committed>(bed.run(cell->change(keep, bed.soon()))));
    EXPECT_EQ(as_text(cell->view().value), "before");
    EXPECT_EQ(block(0, 0).accepted, standing.accepted);
}

TEST_F(Ceiling, C3_ItIsNeverMetByGoingHigher) {
    stands(0, q, rank(high, q));
    for (std::uint64_t i = 10; i < 15; ++i) ASSERT_EQ(changed(*bed.cell_of(p, i)), "committed");
    EXPECT_LE(highest_asked(), high + 5) << "once per process, before it is told";
    bed.moods("ooo");
    EXPECT_LT(promised(1).round, 40U);
}

TEST_F(Ceiling, C5_WithoutAnotherTheOneThatIsBehindIsWalkedUp) {
    stands(0, q, rank(50'000, q));
    bed.moods("oof");
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    EXPECT_EQ(promised(0).round, 50'003U);
    EXPECT_EQ(promised(1).round, 50'003U) << "50,001 was tried before the walk";
    EXPECT_GE(asked.size(), 49'000U / 64);
    EXPECT_LE(asked.size(), 49'000U / 64 + 20);
    // Who comes next need not walk.
    asked.clear();
    ASSERT_EQ(changed(*bed.cell_of(q)), "committed");
    EXPECT_LT(asked.size(), 10U);
}

TEST_F(Ceiling, C5_OfUnevenOnesTheShorterWayIsWalked) {
    stands(0, q, rank(high, q));
    stands(1, q, rank(5000, q));
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    EXPECT_EQ(promised(2).round, 5002U);
    EXPECT_LT(asked.size(), 4000U / 64 + 20);
}

// Its store has been put back, or is a new one: it stands far below what it has told us before.
TEST_F(Ceiling, C5_ADiskThatHasLostItsPromisesIsWalkedUpAgain) {
    stands(0, q, rank(50'000, q));
    bed.moods("oof");
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    encode_initial(bed.bytes(1, 0), bed.address(1).block(0));
    ASSERT_EQ(changed(*cell, "again"), "committed");
    EXPECT_GT(promised(1).round, 50'000U);
}

// A walk that cannot be done in time ends with the operation, and what was walked stays.
TEST_F(Ceiling, C5_ALongWalkEndsInTimeAndGoesOnNextTime) {
    stands(0, q, rank(high, q));
    bed.moods("oof");
    bed.disk(1).asked = [this](const Io& io) {
        if (io.kind == Io::Kind::step && asked.size() % 1000 == 0) bed.clock.advance(std::chrono::milliseconds(20));
        if (io.kind == Io::Kind::step) asked.push_back(io.rank.round);
    };
    EXPECT_EQ(changed(*bed.cell_of(p)), "not");
    const Rank first = promised(1);
    EXPECT_GT(first.round, 64U * 10'000);
    EXPECT_EQ(changed(*bed.cell_of(p, 2)), "not");
    EXPECT_GT(promised(1), first);
}

// A write that only the others take: the one that is behind has refused it, and nothing more.
TEST_F(Ceiling, C3_AWriteThatOneBarsIsDone) {
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    for (const std::size_t disk : {0U, 1U}) bed.promise(disk, 0, rank(5000, q));
    ASSERT_EQ(changed(*cell, "again"), "committed");
    EXPECT_GT(promised(0).round, 5000U);
    EXPECT_LT(promised(2).round, 10U);
    EXPECT_TRUE(cell->reg().healthy()) << "a disk that is behind has not failed";
}

// A promise refuses a write for good. A ceiling does not: it rises, and a step may come twice.
TEST_F(Ceiling, C3_WhatACeilingRefusedMayYetBeAccepted) {
    for (const std::size_t disk : {0U, 1U}) stands(disk, q, rank(1990, q));
    const auto reg = bed.recovered(p);
    ASSERT_EQ(found(*reg, rank(2000, p)), "");
    for (const std::size_t disk : {0U, 1U}) bed.promise(disk, 0, rank(3000, q));
    ASSERT_EQ(wrote(*reg, rank(2000, p), "v"), "refused");
    bed.queue.run_all();
    EXPECT_FALSE(reg->written_nowhere());
    bed.promise(2, 0, rank(3000, q));
    ASSERT_EQ(wrote(*reg, rank(2000, p), "v"), "refused");
    bed.queue.run_all();
    EXPECT_TRUE(reg->written_nowhere());
}

// ceiling-C6: no room is left, and it is said; it is no reason to go anywhere.
TEST_F(Ceiling, C6_WithoutRoomNothingIsTried) {
    for (std::size_t disk = 0; disk < 2; ++disk) stands(disk, q, rank(last_round, q));
    EXPECT_EQ(changed(*bed.cell_of(p)), "damaged");
    EXPECT_TRUE(asked.empty());
}

TEST_F(Ceiling, C6_OneWithoutRoomIsLeftOut) {
    stands(0, q, rank(last_round, q));
    EXPECT_EQ(changed(*bed.cell_of(p)), "committed");
}

// Two passive disks and an agent. What we have promised in our own block never sinks (2.4, F1).
class CeilingOfMixed : public Ceiling {
  protected:
    static DiskSet agents() {
        DiskSet set;
        set.insert(1);
        set.insert(2);
        return set;
    }
    CeilingOfMixed() : Ceiling(agents()) {}
};

TEST_F(CeilingOfMixed, C3_APassiveDiskAndTheHighestCarryOn) {
    stands(1, q, rank(high, q));
    const auto cell = bed.cell_of(p);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(changed(*cell), "committed");
    EXPECT_GT(promised(1).round, high);
    EXPECT_EQ(promised(2).round, 0U);
}

TEST_F(CeilingOfMixed, C5_AnAgentIsWalkedUpToAPassiveDisk) {
    stands(0, q, rank(9000, q));
    bed.moods("ofo");
    const auto cell = bed.cell_of(p);
    ASSERT_EQ(changed(*cell), "committed");
    EXPECT_GT(promised(2).round, 9000U);
}

}  // namespace
}  // namespace diskpaxos
