#include "disk-agent/promisers.hpp"

#include <gtest/gtest.h>

namespace diskpaxos::agent {
namespace {

TEST(Promisers, KnowsWhoWasLastInEachRegister) {
    Promisers promisers(3);
    EXPECT_FALSE(promisers.is_of(0, "web")) << "from before the agent started";
    promisers.made(0, "web");
    promisers.made(1, "app");
    EXPECT_TRUE(promisers.is_of(0, "web"));
    EXPECT_FALSE(promisers.is_of(1, "web"));
    EXPECT_FALSE(promisers.is_of(2, "web"));
    promisers.made(0, "app");
    EXPECT_FALSE(promisers.is_of(0, "web"));
    EXPECT_TRUE(promisers.is_of(0, "app"));
    promisers.made(0, "");
    EXPECT_FALSE(promisers.is_of(0, "app"));
    EXPECT_FALSE(promisers.is_of(0, ""));
}

}  // namespace
}  // namespace diskpaxos::agent
