// The code as it is bears every story (stories.hpp). tests/sim/slot_mutant_test.cpp shows that each
// of them has an end that is wrong.
#include "group/stories.hpp"

#include <gtest/gtest.h>

namespace diskpaxos::sim {
namespace {

class SlotStory : public testing::TestWithParam<Story> {};

TEST_P(SlotStory, IsHarmless) {
    Stage stage(3, GetParam().slots, GetParam().owned);
    GetParam().play(stage);
    EXPECT_TRUE(stage.findings().empty()) << stage.told();
}

INSTANTIATE_TEST_SUITE_P(Slots, SlotStory, testing::ValuesIn(stories()),
                         [](const testing::TestParamInfo<Story>& story) {
                             return std::string(story.param.name);
                         });

}  // namespace
}  // namespace diskpaxos::sim
