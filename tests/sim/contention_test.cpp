// Many want the same cell at once, and somebody else uses our block: clusters without a storm.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cluster.hpp"

namespace diskpaxos::sim {
namespace {

Setup contenders(unsigned count) {
    Setup setup;
    setup.geometry.slots = count;
    setup.geometry.ring = 1;
    setup.processes = count;
    setup.operations = 0;
    setup.calm_operations = 10;
    setup.storm = Duration(0);
    setup.quarantine = Duration(0);
    setup.liveness_bound = std::chrono::seconds(10);
    return setup;
}

// One whole operation when nobody contends: the Delta of algorithms.md 10.1.
Duration delta() {
    Cluster cluster(1, contenders(1), false);
    cluster.run();
    EXPECT_EQ(cluster.violation(), "");
    return cluster.longest_operation;
}

// P16: everybody finishes, and nobody waits for more than a stated multiple of n·Delta.
TEST(Contention, EightProcessesIncrementOneCell) {
    constexpr int n = 8;
    constexpr int multiple = 60;
    const Duration bound = delta() * n * multiple;
    Duration longest{};
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Cluster cluster(seed, contenders(n), false);
        cluster.run();
        ASSERT_EQ(cluster.violation(), "") << "seed " << seed;
        const auto& operations = cluster.histories[0].operations();
        std::uint64_t sum = 0, changes = 0;
        for (const Operation& op : operations) {
            if (op.kind != Operation::Kind::add) continue;
            EXPECT_EQ(op.fate, Operation::Fate::happened);
            sum += op.argument;
            ++changes;
        }
        EXPECT_EQ(changes, n * 10U);
        EXPECT_EQ(operations.back().seen, (Content{changes, sum})) << "seed " << seed;
        EXPECT_LT(cluster.longest_operation, bound) << "seed " << seed;
        longest = std::max(longest, cluster.longest_operation);
    }
    fmt::print("longest {} us, {:.1f} times n·Delta\n", longest.count() / 1000,
               static_cast<double>(longest.count()) / static_cast<double>(bound.count() / multiple));
}

// Two processes were given the same slot: at least one of them must notice and stop (2.6 row 2k).
TEST(Contention, AnIntruderIsMet) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        sim::Setup setup = contenders(2);
        setup.shared_place = true;
        setup.liveness = false;
        Cluster cluster(seed, setup, false);
        cluster.run();
        EXPECT_GE(cluster.marks[Mark::stopped_as_usurped], 1U) << "seed " << seed;
    }
}

}  // namespace
}  // namespace diskpaxos::sim
