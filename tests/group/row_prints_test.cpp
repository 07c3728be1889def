// What tells that a process of a host writes, though it has no session (src/group/row_prints.hpp).
#include <gtest/gtest.h>

#include "group/household.hpp"
#include "group/row_prints.hpp"
#include "group/values.hpp"

namespace diskpaxos {
namespace {

TEST(RowPrints, ShowWhoWritesAndNobodyElse) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(1, "A"));
    HostLocks a, b;
    Process writer(cluster, a, host_named("A"));
    Process other(cluster, b, host_named("B"));
    ASSERT_TRUE(writer.seated);
    ASSERT_TRUE(other.seated);
    const std::vector<std::uint32_t> slots{writer.group.seat()->slot};
    const Roster roster = *cluster.assemble();
    const auto prints = [&] {
        auto reading = std::make_unique<RowPrints>(cluster.world, roster, slots);
        EXPECT_TRUE(cluster.run(reading->read(cluster.soon())));
        return reading;
    };
    const auto before = prints();
    ASSERT_TRUE(cluster.run(increment(other.directory, "x", 1, cluster.soon())));
    EXPECT_EQ(prints()->changed_since(*before), std::nullopt) << "that was in another slot";
    ASSERT_TRUE(cluster.run(increment(writer.directory, "x", 1, cluster.soon())));
    EXPECT_EQ(prints()->changed_since(*before), slots.front());
}

}  // namespace
}  // namespace diskpaxos
