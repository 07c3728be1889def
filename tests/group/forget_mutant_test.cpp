// R12 without the wait and the word (docs/slots.md): what the story of forget_test.cpp ends with.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "group/forget_story.hpp"

namespace diskpaxos {
namespace {

TEST(ForgetMutant, ForgottenAwake) {
    active_mutant = Mutant::forgotten_awake;
    ForgetStory story;
    story.play();
    active_mutant = Mutant::none;
    EXPECT_EQ(story.acknowledged, 2);
    EXPECT_EQ(story.applied, 1) << "an acknowledged change was never applied";
}

}  // namespace
}  // namespace diskpaxos
