// Writes that land after their writer was killed: the slot of a local one is not used on that disk
// until they have landed (the OFD rule), and nothing that was decided meanwhile changes.
#include <atomic>
#include <memory>
#include <thread>

#include "child.hpp"
#include "doubts.hpp"
#include "each_world.hpp"
#include "fault_disks.hpp"

namespace diskpaxos {
namespace {

using namespace std::chrono_literals;

constexpr Geometry geometry{.slots = 16, .ring = 2, .cells = 16, .tier = usual_tier};
constexpr std::uint32_t ttl_ms = 1000;
constexpr std::uint32_t the_cell = 3;
constexpr std::uint64_t of_the_dead = 1000;

struct Signals {
    std::atomic<bool> ready = false;
    std::atomic<bool> go = false;
};

bool add(Process& process, std::uint64_t number) {
    const ChangeFn f = [number](const CellView& base, Draft& draft) {
        put_number(draft.value, number_in(base.value) + number);
        draft.state = CellState::set;
        return Verdict::write;
    };
    Cell& cell = process.group().cell(the_cell);
    return std::holds_alternative<Committed>(process.run(cell.change(f, process.in(10s))));
}

std::pair<std::uint64_t, std::uint64_t> read(Process& process) {  // version and value
    Cell& cell = process.group().cell(the_cell);
    const GetOutcome outcome = process.run(cell.get(process.in(10s)));
    EXPECT_TRUE(std::holds_alternative<Committed>(outcome));
    return {cell.view().version, number_in(cell.view().value)};
}

class LateWriteTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!disks.ready()) GTEST_SKIP() << disks.problem();
        if (io::backends().front() != io::Backend::uring) GTEST_SKIP() << io::make_loop()->remark;
        format_group(by(0), geometry, ttl_ms);
    }
    Paths by(unsigned host) const {
        return {disks.path(0, host), disks.path(1, host), disks.path(2, host)};
    }

    // A process that changes the cell, waits for `go`, changes it again, and will be killed then.
    std::unique_ptr<Child> begin_victim(const Process::Wish& wish) {
        signals->ready = signals->go = false;
        auto victim = std::make_unique<Child>([this, wish] {
            Process process(by(0), wish);
            CHECK(process.problem().empty());
            CHECK(add(process, 1));
            process.settle(the_cell);
            signals->ready = true;
            while (!signals->go) std::this_thread::sleep_for(1ms);
            add(process, of_the_dead);
            for (;;) pause();
        });
        for (int i = 0; i < 5000 && !signals->ready; ++i) std::this_thread::sleep_for(2ms);
        EXPECT_TRUE(signals->ready);
        return victim;
    }

    FaultDisks disks{3, geometry.bytes()};
    Shared<Signals> signals;
};

TEST_F(LateWriteTest, ASlotIsNotUsedOnADiskWhereItsDeadUserStillWrites) {
    const Process::Wish same_slot{.slot = 2};
    auto victim = begin_victim(same_slot);
    disks.tell(0, "hang w");
    signals->go = true;
    disks.wait_until_held(0, 1);
    victim->kill();

    {
        Process next(by(0), same_slot);
        ASSERT_EQ(next.problem(), "");
        ASSERT_TRUE(next.group().seat().has_value());
        EXPECT_EQ(next.group().seat()->slot, 2U);
        EXPECT_FALSE(next.group().seat()->open.contains(0))
            << "the dead one's write may still land";
        EXPECT_TRUE(next.group().seat()->open.contains(1));
        EXPECT_TRUE(next.group().seat()->open.contains(2));
        EXPECT_TRUE(add(next, 1));
        const auto decided = read(next);
        disks.tell(0, "release");
        EXPECT_EQ(read(next), decided) << "the late write changes nothing";
        EXPECT_TRUE(add(next, 1));
        EXPECT_EQ(read(next), std::pair(decided.first + 1, decided.second + 1));
    }
    bool back = false;
    for (int i = 0; i < 100 && !back; ++i) {
        Process later(by(0), same_slot);
        ASSERT_EQ(later.problem(), "");
        back = later.group().seat()->open.contains(0);
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_TRUE(back) << "once it has landed the disk is used again";
}

// What the slot's last user has committed stands on two disks; one of them is closed to the next
// user, and the other is slow. Phase 0 must take our block from the closed one, too: or else the
// first write of the next user erases it where it stands for the other.
TEST_F(LateWriteTest, ABlockOnAClosedDiskIsNotForgotten) {
    const Process::Wish same_slot{.slot = 2};
    disks.tell(1, "error w 5");
    auto victim = begin_victim(same_slot);  // its first change is committed on disks 0 and 2
    disks.tell(1, "clear");
    disks.tell(0, "hang w");
    signals->go = true;
    disks.wait_until_held(0, 1);
    victim->kill();
    forget_doubts();  // that of disk 1

    Process next(by(0), same_slot);
    ASSERT_EQ(next.problem(), "");
    EXPECT_FALSE(next.group().seat()->open.contains(0));
    disks.tell(2, "delay r 300000");  // so phase 0 counts disks 0 and 1
    ASSERT_TRUE(add(next, 1));
    disks.tell(2, "clear");
    const std::uint64_t sum = read(next).second;
    EXPECT_TRUE(sum == 2 || sum == 2 + of_the_dead) << sum;
    disks.tell(0, "release");
    EXPECT_EQ(read(next).second, sum);
}

// The victim's change reached one disk; its writes to the two others land after another host has
// changed the cell. That host either adopted the change or overruled it, for good.
TEST_F(LateWriteTest, NothingIsDecidedTwiceWhenTheWritesOfAKilledHostLandLate) {
    for (unsigned landed = 0; landed < 3; ++landed) {
        auto victim = begin_victim(Process::Wish{});
        for (unsigned disk = 0; disk < 3; ++disk) {
            if (disk != landed) disks.tell_path(disk, 0, "hang w");
        }
        signals->go = true;
        for (unsigned disk = 0; disk < 3; ++disk) {
            if (disk != landed) disks.wait_until_held(disk, 1);
        }
        victim->kill();

        Process other(by(1), {.host = "there"});
        ASSERT_EQ(other.problem(), "");
        const auto before = read(other);
        ASSERT_TRUE(add(other, 1));
        const auto decided = read(other);
        // The dead one's change is in it, or never will be.
        const std::pair without(before.first + 1, before.second + 1);
        const std::pair with(before.first + 2, before.second + 1 + of_the_dead);
        EXPECT_TRUE(decided == without || decided == with) << decided.second;

        for (unsigned disk = 0; disk < 3; ++disk) disks.tell(disk, "release");
        for (unsigned disk = 0; disk < 3; ++disk) {
            for (int i = 0; i < 1000 && disks.totals(disk).held > 0; ++i)
                std::this_thread::sleep_for(5ms);
        }
        EXPECT_EQ(read(other), decided);
        Process third(by(2), {.host = "elsewhere"});
        ASSERT_EQ(third.problem(), "");
        EXPECT_EQ(read(third), decided);
        EXPECT_TRUE(add(third, 1));
        EXPECT_EQ(read(other), std::pair(decided.first + 1, decided.second + 1));
    }
}

}  // namespace
}  // namespace diskpaxos
