// Slots of which tier a host gets and a process borrows: the lower, the less everybody reads; but
// every host needs some in the lowest.
#include <gtest/gtest.h>

#include "group/cluster.hpp"
#include "group/seat.hpp"

namespace diskpaxos {
namespace {

constexpr Geometry shape(std::uint32_t slots, std::uint32_t tier) {
    return {.block_size = 512, .slots = slots, .ring = 1, .cells = 2, .tier = tier};
}

// Slots 0 and 1 | 2 and 3 | 4 to 7.
constexpr Geometry eight = shape(8, 2);

// Which slots belong to this host, as the slot table says.
std::vector<std::uint32_t> slots_of(Cluster& cluster, const std::string& host) {
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(cluster.disks.size());
    TableReader table(cluster.world, roster, rule);
    CHECK(cluster.run(table.read(cluster.soon())));
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < cluster.geometry.slots; ++slot) {
        if (table.view(slot).held_by(host_named(host).id)) slots.push_back(slot);
    }
    return slots;
}

// How many of them lie in each tier.
std::vector<std::uint32_t> by_tier(const std::vector<std::uint32_t>& slots,
                                   const Geometry& geometry) {
    std::vector<std::uint32_t> counts(geometry.doors() + 1);
    for (const std::uint32_t slot : slots) ++counts[geometry.tier_of(slot)];
    return counts;
}

TEST(PartOf, IsAsLargeOfEachTier) {
    const struct {
        std::uint32_t slots, tier, share;
        std::vector<std::uint32_t> parts;
    } rows[] = {
        {32, 8, 16, {4, 4, 8}},  // format
        {32, 8, 4, {1, 1, 2}},   // a handful
        {128, 8, 64, {4, 4, 8, 16, 32}},
        {128, 8, 16, {1, 1, 2, 4, 8}},
        {16, 8, 2, {1, 1}},
        {16, 8, 1, {1, 0}},  // one alone lies in the first
        {9, 8, 4, {4, 0}},
        {13, 3, 6, {2, 1, 3, 0}},
        {32, 0, 16, {16}},
        {8, 2, 8, {2, 2, 4}},
    };
    for (const auto& row : rows) {
        const Geometry geometry = shape(row.slots, row.tier);
        std::vector<std::uint32_t> parts;
        for (std::uint32_t tier = 0; tier <= geometry.doors(); ++tier) {
            parts.push_back(part_of(row.share, geometry, tier));
        }
        EXPECT_EQ(parts, row.parts) << row.share << " of " << row.slots;
    }
}

TEST(PartOf, AddsUpAndFitsAndNeverLeavesTheFirstTierOut) {
    for (std::uint32_t slots = 2; slots <= max_slots; ++slots) {
        for (const std::uint32_t tier : {1U, 3U, 8U}) {
            const Geometry geometry = shape(slots, tier);
            if (geometry.objection() != nullptr) continue;
            for (std::uint32_t share = 1; share <= slots; ++share) {
                std::uint32_t sum = 0, begin = 0;
                for (std::uint32_t number = 0; number <= geometry.doors(); ++number) {
                    const std::uint32_t part = part_of(share, geometry, number);
                    ASSERT_LE(part, geometry.tier_end(number) - begin);
                    sum += part;
                    begin = geometry.tier_end(number);
                }
                ASSERT_EQ(sum, share);
                ASSERT_GE(part_of(share, geometry, 0), 1U);
            }
        }
    }
}

TEST(Tiers, TheFormattingHostHasItsShareOfEach) {
    Cluster cluster(3, eight);
    ASSERT_TRUE(cluster.format(4));
    EXPECT_EQ(slots_of(cluster, "home"), (std::vector<std::uint32_t>{0, 2, 4, 5}));
    Cluster usual(1, shape(32, 8));
    ASSERT_TRUE(usual.format(first_share(32)));
    EXPECT_EQ(slots_of(usual, "home"), (std::vector<std::uint32_t>{0}));
}

TEST(Tiers, AProcessBorrowsTheLowestThatIsFree) {
    Cluster cluster(3, eight);
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    std::vector<std::unique_ptr<Process>> processes;
    for (const std::uint32_t tier : {0U, 1U, 2U, 2U}) {
        processes.push_back(std::make_unique<Process>(cluster, home, host_named("home")));
        ASSERT_TRUE(processes.back()->seated);
        EXPECT_EQ(eight.tier_of(processes.back()->group.seat()->slot), tier);
    }
    processes[0].reset();
    const Process again(cluster, home, host_named("home"));
    ASSERT_TRUE(again.seated);
    EXPECT_EQ(again.group.seat()->slot, 0U);
}

TEST(Tiers, OneThatIsAskedForIsBorrowedWhereverItLies) {
    Cluster cluster(3, eight);
    ASSERT_TRUE(cluster.format(4));
    HostLocks home;
    const Process process(cluster, home, host_named("home"), 5);
    ASSERT_TRUE(process.seated);
    EXPECT_EQ(process.group.seat()->slot, 5U);
}

// One at first, and twice as many each time, of the lowest tiers that are free.
TEST(Tiers, AHostClaimsAsManyAsItHasAlready) {
    Cluster cluster(3, shape(32, 8));
    ASSERT_TRUE(cluster.format(1));
    HostLocks away;
    std::vector<std::unique_ptr<Process>> processes;
    std::vector<std::size_t> owned;
    for (int i = 0; i < 9; ++i) {
        processes.push_back(std::make_unique<Process>(cluster, away, host_named("away")));
        ASSERT_TRUE(processes.back()->seated);
        owned.push_back(slots_of(cluster, "away").size());
    }
    EXPECT_EQ(owned, (std::vector<std::size_t>{1, 2, 4, 4, 8, 8, 8, 8, 16}));
    EXPECT_EQ(by_tier(slots_of(cluster, "away"), cluster.geometry),
              (std::vector<std::uint32_t>{7, 8, 1}));
}

TEST(ShareOf, LeavesHalfToTheOthers) {
    const struct {
        std::uint32_t owned, free, share;
    } rows[] = {{0, 31, 1}, {1, 31, 1}, {2, 31, 2}, {16, 16, 8}, {16, 1, 1}, {0, 1, 1}, {100, 3, 1}};
    for (const auto& row : rows) EXPECT_EQ(share_of(row.owned, row.free), row.share);
}

// A group serves as many hosts as it has slots.
TEST(Tiers, HostsComeUntilNothingIsLeft) {
    for (const std::uint32_t slots : {32U, 128U}) {
        Cluster cluster(1, shape(slots, 8));
        ASSERT_TRUE(cluster.format(1));
        std::vector<HostLocks> kernels(slots);
        std::vector<std::unique_ptr<Process>> processes;
        const auto host = [](std::uint32_t i) {
            Host named = host_named("h");
            named.id[1] = static_cast<std::byte>(i);
            return named;
        };
        for (std::uint32_t i = 1; i < slots; ++i) {
            processes.push_back(std::make_unique<Process>(cluster, kernels[i], host(i)));
            ASSERT_TRUE(processes.back()->seated) << i;
        }
        const Process home(cluster, kernels[0], host_named("home"));
        EXPECT_TRUE(home.seated);
        HostLocks kernel;
        const Process none(cluster, kernel, host_named("none"));
        ASSERT_FALSE(none.seated);
        EXPECT_EQ(none.seated.error().code, Code::no_slot);
        EXPECT_TRUE(none.seated.error().sentence.contains("full of hosts"));
    }
}

TEST(Tiers, AHostWhoseSlotsAreAllInUseClaimsWhatThereIs) {
    Cluster cluster(3, eight);
    ASSERT_TRUE(cluster.format(2));
    EXPECT_EQ(slots_of(cluster, "home"), (std::vector<std::uint32_t>{0, 4}));
    HostLocks home;
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < 8; ++i) {
        processes.push_back(std::make_unique<Process>(cluster, home, host_named("home")));
        ASSERT_TRUE(processes.back()->seated) << i;
        if (i == 2) {
            EXPECT_EQ(processes.back()->group.seat()->slot, 1U) << "of the first tier first";
        }
    }
}

}  // namespace
}  // namespace diskpaxos
