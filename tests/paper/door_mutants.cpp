// The rules of doors, broken one by one: some schedule of two visits shows each.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "paper/door_schedules.hpp"
#include "unit/testbed/testbed.hpp"

namespace diskpaxos {
namespace {

constexpr Geometry shape{.block_size = 512, .slots = 4, .ring = 1, .cells = 1, .tier = 1};

class DoorMutants : public testing::Test {
  protected:
    ~DoorMutants() override { active_mutant = Mutant::none; }
    static std::string blind(std::uint16_t one, std::uint16_t other) {
        const Schedules found = search(shape, {{one, 1}, {other, 1}});
        fmt::print("{} and {}: {} schedules; {}\n", one, other, found.count, found.blind);
        return found.blind;
    }
};

TEST_F(DoorMutants, TheRealCodeStands) {
    EXPECT_EQ(blind(0, 1), "");
    EXPECT_EQ(blind(1, 2), "");
}

TEST_F(DoorMutants, DoorOpenedLate) {
    active_mutant = Mutant::door_opened_late;
    EXPECT_NE(blind(0, 1), "");
    EXPECT_NE(blind(0, 2), "");
    EXPECT_NE(blind(1, 2), "");
}

TEST_F(DoorMutants, DoorUnheeded) {
    active_mutant = Mutant::door_unheeded;
    EXPECT_NE(blind(0, 1), "");
    EXPECT_NE(blind(1, 2), "");
    EXPECT_EQ(blind(2, 3), "") << "one's own tier is read anyway";
}

TEST_F(DoorMutants, DoorDamageClosed) {
    Testbed bed(1, shape);
    const Proposer writer = Proposer::of(2, 1);
    bed.put(0, bed.place(2),
            {.incarnation = writer,
             .seq = 1,
             .promised = {5, writer},
             .accepted = {},
             .committed = {},
             .value = {}});
    std::ranges::fill(bed.disk(0).at(shape.door(0, 2)), std::byte{0});
    PassiveVisit reader(bed.disk(0), bed.address(0), bed.place(0), 0);
    EXPECT_EQ(bed.run(reader.look(nobody)).row.highest.round, 5U);
    active_mutant = Mutant::door_damage_closed;
    PassiveVisit careless(bed.disk(0), bed.address(0), bed.place(0), 0);
    EXPECT_EQ(bed.run(careless.look(nobody)).row.highest.round, 0U);
}

}  // namespace
}  // namespace diskpaxos
