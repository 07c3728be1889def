// The table of the design, section 5, on the real rings: what each operation costs in phases, I/Os
// per disk, submissions and allocations.
//
// A phase ends when a majority has answered. A disk that is late in one trial has its next visit
// sent down by itself, or superseded, or need not be asked again. So the table must hold exactly
// in a good part of the trials, and no trial may be below it: that would be a phase skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>

#include "counted_new.hpp"
#include "fault_disks.hpp"
#include "group/values.hpp"
#include "node/open_group.hpp"
#include "process.hpp"
#include "testbed.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry geometry{.slots = 16, .ring = 2, .cells = 64, .tier = usual_tier};
constexpr unsigned trials = 20;

struct Cost {  // of three disks together
    std::uint64_t writes = 0;
    std::uint64_t reads = 0;
    std::uint64_t submissions = 0;
    auto operator<=>(const Cost&) const = default;
};

constexpr Cost on_each_disk(std::uint64_t writes, std::uint64_t reads, std::uint64_t submissions) {
    return {3 * writes, 3 * reads, submissions};
}

std::ostream& operator<<(std::ostream& out, const Cost& cost) {
    return out << cost.writes << " writes, " << cost.reads << " reads, " << cost.submissions
               << " submissions";
}

Verdict add_one(const CellView& base, Draft& draft) {
    put_number(draft.value, number_in(base.value) + 1);
    draft.state = CellState::set;
    return Verdict::write;
}

class Costs {
  public:
    void add(Cost cost) { ++all_[cost]; }
    void expect(Cost table) { expect(table, table); }
    void expect(Cost usual, Cost table) {
        unsigned trials_in_all = 0;
        std::ostringstream seen;
        for (const auto& [cost, times] : all_) {
            trials_in_all += times;
            seen << times << " times " << cost << "\n";
            EXPECT_GE(cost.submissions, table.submissions);
            EXPECT_GE(3 * cost.writes, 2 * table.writes);
            EXPECT_GE(3 * cost.reads, 2 * table.reads);
            EXPECT_LE(cost.writes, table.writes);
            EXPECT_LE(cost.reads, table.reads);
        }
        const unsigned exact = all_[table] + (usual == table ? 0 : all_[usual]);
        EXPECT_GE(4 * exact, trials_in_all) << seen.str();
    }

  private:
    std::map<Cost, unsigned> all_;
};

class CountsTest : public testing::Test {
  protected:
    void SetUp() override {
        if (io::backends().front() != io::Backend::uring) GTEST_SKIP() << io::make_loop()->remark;
        for (const char* name : {"a", "b", "c"}) {
            paths.push_back(scratch.file(name, geometry.bytes()));
        }
        format_group(paths, geometry);
    }

    static bool change(Process& process, std::uint32_t cell) {
        const ChangeFn f = add_one;
        const ChangeOutcome outcome =
            process.run(process.group().cell(cell).change(f, process.in(10s)));
        process.settle(cell);
        return std::holds_alternative<Committed>(outcome);
    }
    static bool get(Process& process, std::uint32_t cell) {
        const GetOutcome outcome = process.run(process.group().cell(cell).get(process.in(10s)));
        process.settle(cell);
        return std::holds_alternative<Committed>(outcome);
    }

    template <class Operation>
    static Cost cost_of(Process& process, Operation operation) {
        const io::Counts before = process.loop().counts();
        const bool done = operation();
        EXPECT_TRUE(done);
        const io::Counts& after = process.loop().counts();
        return {after.writes - before.writes, after.reads - before.reads,
                after.submissions - before.submissions};
    }

    io::ScratchDirectory scratch;
    Paths paths;
};

TEST_F(CountsTest, AColdChangeIsOneLookAndTwoPhases) {
    Costs costs;
    for (unsigned trial = 0; trial < trials; ++trial) {
        Process fresh(paths);
        ASSERT_EQ(fresh.problem(), "");
        costs.add(cost_of(fresh, [&] { return change(fresh, 1); }));
    }
    costs.expect(on_each_disk(2, 3, 3));
}

// Whoever is in the second tier opens a door first, if nobody has done that in this cell before.
TEST_F(CountsTest, ADoorIsOneWriteMoreForTheFirstOneInItsCell) {
    Costs first;
    Costs second;
    for (std::uint32_t cell = 0; cell < trials; ++cell) {
        for (Costs* costs : {&first, &second}) {
            Process behind(paths, {.slot = usual_tier});
            ASSERT_EQ(behind.problem(), "");
            costs->add(cost_of(behind, [&] { return change(behind, cell); }));
        }
    }
    first.expect(on_each_disk(3, 3, 4));
    // A disk that was too slow for the first one gets its door from the second.
    second.expect(on_each_disk(2, 3, 3), on_each_disk(3, 3, 3));
}

TEST_F(CountsTest, AColdProposalIsOneLookAndTwoPhases) {
    Costs costs;
    for (unsigned trial = 0; trial < trials; ++trial) {
        Process fresh(paths);
        ASSERT_EQ(fresh.problem(), "");
        Directory directory(fresh.group());
        const std::string name = "name-" + std::to_string(trial % 8);  // decided from the ninth on
        costs.add(cost_of(fresh, [&] {
            const auto decided = fresh.run(propose(directory, name, "mine", fresh.in(10s)));
            for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) fresh.settle(cell);
            return decided.has_value();
        }));
    }
    costs.expect(on_each_disk(2, 3, 3));
}

TEST_F(CountsTest, ChangingAgainIsOnePhaseAndAllocatesNothing) {
    Process process(paths);
    ASSERT_EQ(process.problem(), "");
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(process, 1));
    Costs costs;
    const std::uint64_t before = allocations();
    for (unsigned trial = 0; trial < 100; ++trial) ASSERT_TRUE(change(process, 1));
    const std::uint64_t allocated = allocations() - before;
    for (unsigned trial = 0; trial < 100; ++trial) {
        costs.add(cost_of(process, [&] { return change(process, 1); }));
    }
    costs.expect(on_each_disk(1, 1, 1));
    if (allocations_are_counted) {
        EXPECT_EQ(allocated, 0U);
    }
}

// A disk that was absent when the process started costs what the others do once it is there, and
// nothing is left of the waiting for it.
TEST_F(CountsTest, ADiskThatHasComeLaterCostsNothingMore) {
    setenv("DISKPAXOS_MACHINE_ID", "counts", 1);
    const std::string away = paths[2] + ".away";
    ASSERT_EQ(rename(paths[2].c_str(), away.c_str()), 0);
    auto joined = node::OpenGroup::join({.disks = paths});
    ASSERT_TRUE(joined) << joined.error().sentence;
    node::OpenGroup& group = **joined;
    io::Loop& loop = group.real().loop();
    const ChangeFn f = add_one;
    const auto change = [&](std::uint32_t number) {
        Cell& cell = group.group().cell(number);
        const ChangeOutcome outcome = group.run(cell.change(f, group.deadline()));
        loop.run_until(cell.idle());
        return std::holds_alternative<Committed>(outcome);
    };
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(1));
    ASSERT_EQ(rename(away.c_str(), paths[2].c_str()), 0);
    loop.run_until([&] { return group.roster().present() == 3; });
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(1));
    Costs again;
    const std::uint64_t before = allocations();
    for (unsigned trial = 0; trial < 100; ++trial) {
        const io::Counts old = loop.counts();
        ASSERT_TRUE(change(1));
        const io::Counts& now = loop.counts();
        again.add({now.writes - old.writes, now.reads - old.reads, now.submissions - old.submissions});
    }
    const std::uint64_t allocated = allocations() - before;
    again.expect(on_each_disk(1, 1, 1));
    Costs cold;
    for (std::uint32_t cell = 2; cell < 2 + trials; ++cell) {
        const io::Counts old = loop.counts();
        ASSERT_TRUE(change(cell));
        const io::Counts& now = loop.counts();
        cold.add({now.writes - old.writes, now.reads - old.reads, now.submissions - old.submissions});
    }
    cold.expect(on_each_disk(2, 3, 3));
    if (allocations_are_counted) {
        EXPECT_LE(allocated, 10U);  // of the costs that are noted here
    }
}

TEST_F(CountsTest, TheOwnerReadsInOnePass) {
    Process owner(paths);
    ASSERT_EQ(owner.problem(), "");
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(owner, 1) && get(owner, 1));
    Costs costs;
    const std::uint64_t before = allocations();
    for (unsigned trial = 0; trial < 100; ++trial) ASSERT_TRUE(get(owner, 1));
    const std::uint64_t allocated = allocations() - before;
    for (unsigned trial = 0; trial < 100; ++trial) {
        costs.add(cost_of(owner, [&] { return get(owner, 1); }));
    }
    costs.expect(on_each_disk(0, 1, 1));
    if (allocations_are_counted) {
        EXPECT_EQ(allocated, 0U);
    }
}

TEST_F(CountsTest, AnotherProcessReadsInTwoPassesAndAMarkSavesOne) {
    Process owner(paths);
    Process reader(paths);
    ASSERT_EQ(owner.problem() + reader.problem(), "");
    Costs first;
    Costs again;
    for (unsigned trial = 0; trial < 100; ++trial) {
        ASSERT_TRUE(change(owner, 1));
        first.add(cost_of(reader, [&] { return get(reader, 1); }));
        again.add(cost_of(reader, [&] { return get(reader, 1); }));
    }
    // The second pass asks only those disks that had answered when the first one ended: two will
    // do.
    first.expect({.writes = 0, .reads = 5, .submissions = 2}, on_each_disk(0, 2, 2));
    again.expect(on_each_disk(0, 1, 1));
}

// ---- one of three disks hangs ----

TEST(HungDiskCountsTest, AHungDiskCostsNoFurtherSubmission) {
    if (io::backends().front() != io::Backend::uring) GTEST_SKIP() << io::make_loop()->remark;
    const FaultDisks disks(3, geometry.bytes());
    if (!disks.ready()) GTEST_SKIP() << disks.problem();
    const Paths paths = {disks.path(0), disks.path(1), disks.path(2)};
    format_group(paths, geometry);
    Process process(paths);
    ASSERT_EQ(process.problem(), "");
    const ChangeFn f = add_one;
    const auto change = [&](std::uint32_t cell) {
        Cell& its = process.group().cell(cell);
        return std::holds_alternative<Committed>(process.run(its.change(f, process.in(10s))));
    };
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(1));
    process.settle(1);

    // The hung disk keeps its lane, so it is asked once per cell and no more.
    disks.tell(2, "hang rw");
    ASSERT_TRUE(change(1));
    disks.wait_until_held(2, 1);
    std::map<std::uint64_t, unsigned> submissions;
    for (unsigned trial = 0; trial < 100; ++trial) {
        const io::Counts before = process.loop().counts();
        ASSERT_TRUE(change(1));
        const io::Counts& after = process.loop().counts();
        EXPECT_EQ(after.writes - before.writes, 2U);
        EXPECT_EQ(after.reads - before.reads, 2U);
        ++submissions[after.submissions - before.submissions];
    }
    EXPECT_EQ(submissions.begin()->first, 1U);
    EXPECT_GT(submissions[1], 50U);
    EXPECT_EQ(disks.totals(2).held, 1U);

    // A cell that this process meets for the first time: a look and two phases all the same.
    const io::Counts before = process.loop().counts();
    ASSERT_TRUE(change(2));
    const io::Counts& after = process.loop().counts();
    EXPECT_LE(after.submissions - before.submissions, 4U);  // a visit may go down by itself
    EXPECT_GE(after.submissions - before.submissions, 3U);
    disks.tell(2, "release");
    process.settle(1);
    process.settle(2);
}

}  // namespace
}  // namespace diskpaxos
