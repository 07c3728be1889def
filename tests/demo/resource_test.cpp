#include "demo/resource.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace diskpaxos::demo {
namespace {

TEST(Resource, RefusesWhoeverComesWithASmallerToken) {
    const std::string path = testing::TempDir() + "diskpaxos-resource.log";
    std::remove(path.c_str());
    Resource resource(path);
    EXPECT_TRUE(resource.write(7, 100).accepted);
    EXPECT_TRUE(resource.write(7, 100).accepted);  // the same holder, again
    EXPECT_TRUE(resource.write(1'000'000'007, 200).accepted);
    Resource another(path);  // of another process; what was seen is in the file
    const Resource::Answer answer = another.write(8, 100);
    EXPECT_FALSE(answer.accepted);
    EXPECT_EQ(answer.largest, 1'000'000'007U);
    const std::vector<Resource::Line> lines = Resource::lines(path);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0].token, 7U);
    EXPECT_EQ(lines[2].pid, 200);
    std::remove(path.c_str());
}

}  // namespace
}  // namespace diskpaxos::demo
