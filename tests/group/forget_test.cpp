// Forgetting a host that is off (docs/slots.md, R12).
#include <gtest/gtest.h>

#include "group/forget_story.hpp"

namespace diskpaxos {
namespace {

using std::chrono::seconds;

// Who wakes up before the wait is over has made its change, and it counts.
TEST(Forgetting, AChangeThatWasUnderWayIsAppliedBefore) {
    ForgetStory story;
    story.play();
    EXPECT_EQ(story.acknowledged, 2);
    EXPECT_EQ(story.applied, 2);
}

TEST(Forgetting, ItWaitsForTheLongestSessionAndForWhatIsUnderWay) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(3));
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    Forgetting forgetting(cluster.world, roster, rule, host_named("away"), host_named("home").id);
    const Instant before = cluster.clock.now();
    const auto outcome = cluster.run(forgetting.run(seconds(25), seconds(5)));
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->freed.size(), 3U);
    EXPECT_GE(cluster.clock.now() - before, seconds(55));
}

// R12: every disk is reached, or nothing is freed.
TEST(Forgetting, NothingIsFreedWhileADiskIsAway) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(3));
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    cluster.disks[2]->mood = MemoryDisk::Mood::silent;
    Forgetting forgetting(cluster.world, roster, rule, host_named("away"), host_named("home").id);
    const auto outcome = cluster.run(forgetting.run(seconds(10), seconds(5)));
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->freed.empty());
    EXPECT_EQ(outcome->left.size(), 3U);
    cluster.disks[2]->mood = MemoryDisk::Mood::ok;
    cluster.disks[2]->release();
}

}  // namespace
}  // namespace diskpaxos
