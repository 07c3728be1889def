// Mutants of the rules of slots (docs/slots.md): each falls in the story that names it, by its
// wrong end, not by a symptom on the way.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "group/stories.hpp"

namespace diskpaxos::sim {
namespace {

class SlotMutant : public testing::TestWithParam<Story> {};

TEST_P(SlotMutant, FallsInItsStory) {
    active_mutant = GetParam().mutant;
    std::string end;
    {
        Stage stage(3, GetParam().slots, GetParam().owned);
        GetParam().play(stage);
        end = wrong_end(stage);
    }
    active_mutant = Mutant::none;
    fmt::print("{:<16} {}\n", GetParam().name, end);
    EXPECT_NE(end, "");
}

INSTANTIATE_TEST_SUITE_P(Stories, SlotMutant, testing::ValuesIn(stories()),
                         [](const testing::TestParamInfo<Story>& story) {
                             return std::string(story.param.name);
                         });

}  // namespace
}  // namespace diskpaxos::sim
