// Many want the same cell at once, and somebody else uses our block: clusters without a storm.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cluster.hpp"
#include "sim/sanitized.hpp"

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

// Thousands come and go, known to nobody before, and leave nothing behind: on each disk a register is
// one block, and what stands in it is as long as it was after the first change.
TEST(Contention, ThousandsOfClientsShareOneBlock) {
    sim::Setup setup = contenders(4);
    setup.active = DiskSet::first(3);
    setup.scsi.insert(2);
    setup.visitors = sanitized ? 300 : 3'000;
    setup.operations = 2;
    setup.calm_operations = 1;
    setup.think = microseconds(50);
    setup.hurried = 0;
    setup.faults.crash = 1;
    setup.faults.whim_every = 1'000;
    Cluster cluster(1, setup, false);
    cluster.run();
    ASSERT_EQ(cluster.violation(), "");
    EXPECT_GT(cluster.marks[Mark::visitor_left], setup.visitors * 2 / 3);
    EXPECT_GT(cluster.marks[Mark::crashed_in_operation], 0U);
    const Platter& platter = cluster.platter(0);
    const Extent row = platter.geometry().row(0);
    ASSERT_EQ(row.count, 1U);
    const ByteView record = platter.decode(row.first).block.value;
    const CellView last = cluster.format.view(record);
    EXPECT_GT(last.version, setup.visitors * 2 / 3);
    Bytes first;
    const CellView one{1, CellState::set, "", last.value};
    cluster.format.succeed(first, {}, 0, one, Rank{1, Proposer(1)});
    EXPECT_EQ(record.size(), first.size());
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
