// How many hosts a group serves (docs/slots.md, R13).
#include <gtest/gtest.h>

#include <set>

#include "group/household.hpp"

namespace diskpaxos {
namespace {

std::string numbered(std::size_t i) {
    return std::string(1, static_cast<char>('A' + static_cast<char>(i)));
}

TEST(Hosts, AsManyAsThereAreSlots) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        Cluster cluster;
        ASSERT_TRUE(cluster.format(1, numbered(0)));
        cluster.random = SeededRandom(seed);
        std::vector<std::unique_ptr<HostLocks>> kernels;
        std::vector<std::unique_ptr<Process>> processes;
        for (std::size_t i = 0; i < 8; ++i) {
            kernels.push_back(std::make_unique<HostLocks>());
            processes.push_back(
                std::make_unique<Process>(cluster, *kernels[i], host_named(numbered(i))));
            ASSERT_TRUE(processes.back()->seated) << i << processes.back()->seated.error().sentence;
        }
        // And no more: who comes now is told at once, since nothing will change by itself.
        HostLocks ninth;
        const Instant before = cluster.clock.now();
        Process process(cluster, ninth, host_named("Z"));
        ASSERT_FALSE(process.seated);
        EXPECT_EQ(process.seated.error().code, Code::no_slot);
        EXPECT_NE(process.seated.error().sentence.find("is full of hosts"), std::string::npos);
        EXPECT_LE(cluster.clock.now() - before, milliseconds(1500));
    }
}

// Where a host has more than one, it may give one back: that is worth waiting for.
TEST(Hosts, WhoFindsNoneWaitsWhereSomebodyHasTwo) {
    Cluster cluster;
    ASSERT_TRUE(cluster.format(8));
    HostLocks away;
    const Instant before = cluster.clock.now();
    Process process(cluster, away, host_named("away"));
    EXPECT_FALSE(process.seated);
    EXPECT_GE(cluster.clock.now() - before, seconds(40)) << "to its deadline";
}

Host host_number(std::uint32_t number) {
    Host host;
    host.id[0] = static_cast<std::byte>(number % 256);
    host.id[1] = std::byte{1};
    host.boot[0] = std::byte{1};
    host.name = "host " + std::to_string(number);
    return host;
}

// Hosts that come at once, one for each slot. Pretended time, and disks that answer at once: what
// is asked is how long they are in each other's way, in units of the TTL.
class Crowd {
  public:
    Crowd(std::uint32_t slots, std::uint64_t seed)
        : cluster(3, Geometry{.block_size = 512,
                              .slots = slots,
                              .ring = 2,
                              .cells = 2,
                              .tier = first_tier(slots)}) {
        CHECK(cluster.format(1));
        cluster.random = SeededRandom(seed);
        roster = *cluster.assemble();
    }
    void join() {
        const Instant before = cluster.clock.now();
        const std::uint32_t count = roster.common.geometry.slots - 1;
        for (std::uint32_t i = 0; i < count; ++i) {
            joiners.push_back(std::make_unique<Joiner>());
            joiners.back()->finder.emplace(cluster.world, roster, rule, joiners.back()->locks);
            scope.spawn(
                one(*joiners.back(), host_number(i), milliseconds(cluster.random.below(100))));
        }
        for (cluster.queue.run_all(); !scope.idle().is_set(); cluster.queue.run_all()) {
            cluster.clock.advance_to_next();
        }
        took = cluster.clock.now() - before;
    }
    std::size_t seats() const {
        std::set<std::uint32_t> slots;
        for (const auto& joiner : joiners) {
            if (*joiner->seat) slots.insert((*joiner->seat)->slot);
        }
        return slots.size();
    }

    Duration took{};
    Cluster cluster;

  private:
    struct Joiner {
        HostLocks kernel;
        HostLocks::OfProcess locks{kernel};
        std::optional<SeatFinder> finder;
        std::optional<Result<Seat>> seat;
    };
    Task<void> one(Joiner& joiner, Host host, Duration delay) {
        co_await cluster.clock.sleep(delay);
        SeatWish wish;
        wish.host = std::move(host);
        wish.uptime = std::chrono::hours(1);
        joiner.seat =
            co_await joiner.finder->find(std::move(wish), cluster.clock.now() + seconds(300));
    }

    Roster roster;
    Threshold rule = Threshold::majority(3);
    std::vector<std::unique_ptr<Joiner>> joiners;
    Scope scope{cluster.queue};
};

TEST(Hosts, ThoseThatComeAtOnceAllFindOne) {
    for (const std::uint32_t slots : {8U, 32U, 128U}) {
        Duration longest{};
        for (std::uint64_t seed = 0; seed < (slots == 128 ? 1U : 5U); ++seed) {
            Crowd crowd(slots, seed);
            crowd.join();
            EXPECT_EQ(crowd.seats(), slots - 1) << seed;
            EXPECT_EQ(free_in(crowd.cluster), 0U) << seed;
            longest = std::max(longest, crowd.took);
        }
        RecordProperty("slots_" + std::to_string(slots) + "_last_ms",
                       static_cast<int>(longest / milliseconds(1)));
        EXPECT_LE(longest, 2 * ttl) << slots;
    }
}

}  // namespace
}  // namespace diskpaxos
