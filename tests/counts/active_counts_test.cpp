// What an operation costs where all disks are active: steps and looks per disk, and allocations.
// The disks are in memory; tests/remote counts what a step costs on its way to an agent.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

#include "consensus/cell.hpp"
#include "counted_new.hpp"
#include "disk/step.hpp"
#include "register/active_visit.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry geometry{
    .block_size = 512, .slots = 4, .ring = 2, .cells = 1, .active = true, .roomy = true};

struct Cost {  // of one disk
    unsigned looks = 0;
    unsigned steps = 0;
    bool operator==(const Cost&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Cost& cost) {
    return out << cost.looks << " looks, " << cost.steps << " steps";
}

// One register; it answers when it is told to.
class StepDisk final : public Disk {
  public:
    StepDisk() : block_(geometry.block_size), next_(geometry.block_size) {
        asked_.reserve(16);
        answering_.reserve(16);
        encode_initial(block_, address().block(0));
    }
    ~StepDisk() override { answer(); }
    std::uint32_t block_size() const override { return geometry.block_size; }
    std::uint64_t blocks() const override { return geometry.blocks(); }
    std::string_view name() const override { return "disk"; }
    bool active() const override { return true; }
    RowAddress address() const { return {Uuid{}, 1, 0, &geometry}; }

    bool answer() {
        answering_.swap(asked_);
        for (Io* io : answering_) answer(*io);
        const bool any = !answering_.empty();
        answering_.clear();
        return any;
    }
    Cost take_cost() { return std::exchange(cost_, {}); }

  protected:
    void submit(Io& io) override {
        io.kind == Io::Kind::step ? ++cost_.steps : ++cost_.looks;
        asked_.push_back(&io);
    }

  private:
    void answer(Io& io) {
        std::ranges::copy(block_, io.in.bytes().begin());
        if (io.kind == Io::Kind::step) {
            const ByteView asked = std::as_const(io.out).bytes();
            const Stepped stepped = step(block_, asked, io.rank, next_);
            if (stepped.changed) block_ = next_;
            io.verdict = stepped.verdict;
        }
        io.finish();
    }

    Bytes block_;
    Bytes next_;
    std::vector<Io*> asked_;
    std::vector<Io*> answering_;
    Cost cost_;
};

class ActiveCountsTest : public testing::Test {
  protected:
    std::unique_ptr<Cell> client(std::uint64_t me) {
        std::vector<std::unique_ptr<Visit>> visits;
        for (StepDisk& disk : disks) {
            visits.push_back(std::make_unique<ActiveVisit>(disk, disk.address()));
        }
        auto reg =
            std::make_unique<Register>(world, rule, 0, Proposer(me), 1ms, std::move(visits));
        return std::make_unique<Cell>(world, format, std::move(reg), pace);
    }

    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        Scope scope(queue);
        scope.spawn(keep(std::move(task), result));
        for (bool more = true; more;) {
            queue.run_all();
            more = false;
            for (StepDisk& disk : disks) more |= disk.answer();
        }
        return std::move(*result);
    }
    bool change(Cell& cell) {
        const ChangeOutcome outcome = run(cell.change(add_one, clock.now() + 1s));
        return std::holds_alternative<Committed>(outcome);
    }
    bool get(Cell& cell) {
        const GetOutcome outcome = run(cell.get(clock.now() + 1s));
        return std::holds_alternative<Committed>(outcome);
    }
    void expect_each(Cost cost) {
        for (StepDisk& disk : disks) EXPECT_EQ(disk.take_cost(), cost);
    }

    RunQueue queue;
    ManualClock clock;
    SeededRandom random{1};
    NoTrace trace;
    World world{queue, clock, random, trace};
    Threshold rule = Threshold::majority(3);
    RecordFormat format{geometry, DiskKinds::active};
    Pace pace{1ms};
    std::array<StepDisk, 3> disks;
    const ChangeFn add_one = [](const CellView&, Draft& draft) {
        draft.state = CellState::set;
        draft.value.assign(8, std::byte{1});
        return Verdict::write;
    };

  private:
    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        T value = co_await task;
        result.emplace(std::move(value));
    }
};

TEST_F(ActiveCountsTest, AColdChangeIsOneLookAndTwoSteps) {
    for (std::uint64_t me = 1; me <= 20; ++me) {
        const auto fresh = client(me);
        ASSERT_TRUE(change(*fresh));
        expect_each({.looks = 1, .steps = 2});
    }
}

TEST_F(ActiveCountsTest, ChangingAgainIsOneStepAndAllocatesNothing) {
    const auto cell = client(1);
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(change(*cell));
    for (StepDisk& disk : disks) disk.take_cost();
    const std::uint64_t before = allocations();
    for (unsigned trial = 0; trial < 100; ++trial) {
        ASSERT_TRUE(change(*cell));
        expect_each({.looks = 0, .steps = 1});
    }
    if (allocations_are_counted) {
        EXPECT_EQ(allocations() - before, 0U);
    }
}

// Whoever reads, and whether or not a mark stands there: a quorum that agrees is enough.
TEST_F(ActiveCountsTest, AReadInPeaceIsOneLookAndAllocatesNothing) {
    const auto writer = client(1);
    const auto reader = client(2);
    ASSERT_TRUE(change(*writer));
    for (unsigned warm = 0; warm < 50; ++warm) ASSERT_TRUE(get(*reader));
    for (StepDisk& disk : disks) disk.take_cost();
    const std::uint64_t before = allocations();
    for (unsigned trial = 0; trial < 100; ++trial) {
        ASSERT_TRUE(get(*reader));
        expect_each({.looks = 1, .steps = 0});
    }
    if (allocations_are_counted) {
        EXPECT_EQ(allocations() - before, 0U);
    }
}

TEST_F(ActiveCountsTest, AReadAfterEachChangeIsOneLook) {
    const auto writer = client(1);
    const auto reader = client(2);
    for (unsigned trial = 0; trial < 20; ++trial) {
        ASSERT_TRUE(change(*writer));
        for (StepDisk& disk : disks) disk.take_cost();
        ASSERT_TRUE(get(*reader));
        expect_each({.looks = 1, .steps = 0});
    }
}

}  // namespace
}  // namespace diskpaxos
