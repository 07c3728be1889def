// Doors, in every schedule of two visits each: whoever reads only a part of a row misses nobody who
// would have missed it in turn.
#include <gtest/gtest.h>

#include "paper/door_schedules.hpp"

namespace diskpaxos {
namespace {

// Slots 0 | 1 | 2 and 3.
constexpr Geometry shape{.block_size = 512, .slots = 4, .ring = 1, .cells = 1, .tier = 1};

struct Meeting {
    const char* name;
    std::vector<Visitor> visitors;
    std::uint64_t schedules;
};

class DoorSchedules : public testing::TestWithParam<Meeting> {};

TEST_P(DoorSchedules, OfTwoVisitsAtLeastOneSeesTheOther) {
    const Schedules found = search(shape, GetParam().visitors);
    EXPECT_EQ(found.blind, "");
    EXPECT_EQ(found.count, GetParam().schedules);
}

INSTANTIATE_TEST_SUITE_P(Tiers, DoorSchedules,
                         testing::Values(Meeting{"0_and_1", {{0, 2}, {1, 2}}, 2'371},
                                         Meeting{"0_and_2", {{0, 2}, {2, 2}}, 2'371},
                                         Meeting{"1_and_2", {{1, 2}, {2, 2}}, 92'644},
                                         Meeting{"two_of_2", {{2, 2}, {3, 2}}, 54'912}),
                         [](const testing::TestParamInfo<Meeting>& meeting) {
                             return std::string(meeting.param.name);
                         });

}  // namespace
}  // namespace diskpaxos
