// Climb: where to begin when disks have told how high they let us go (ceiling-C3, ceiling-C5).
#include "register/climb.hpp"

#include <gtest/gtest.h>

#include <string>

namespace diskpaxos {
namespace {

constexpr std::uint64_t none = no_ceiling;

struct Stand {
    std::uint64_t promised;
    std::uint64_t limit = none;
};

Climb climb_of(const std::vector<Stand>& stands, Instant now = {}) {
    Climb climb(stands.size());
    for (std::size_t disk = 0; disk < stands.size(); ++disk) {
        const Rank promised{stands[disk].promised, Proposer(1)};
        climb.stands(disk, promised);
        if (stands[disk].limit != none) climb.barred(disk, promised, stands[disk].limit, now);
    }
    return climb;
}

DiskSet set_of(std::string_view digits) {
    DiskSet result;
    for (const char digit : digits) result.insert(static_cast<std::size_t>(digit - '0'));
    return result;
}

TEST(Climb, TheWayFromWhereTheDisksStand) {
    const struct {
        const char* what;
        std::vector<Stand> stands;
        const char* silent;
        bool found;
        std::uint64_t above;
        const char* walk;
    } rows[] = {
        {"no limit is known: above all", {{10}, {900}, {20}}, "", true, 900, ""},
        {"the highest is left out", {{9000}, {10, 100}, {20, 100}}, "", true, 20, ""},
        {"one is behind, and not needed", {{9000}, {9001}, {20, 100}}, "", true, 9001, ""},
        {"all are high, within their limits", {{5000, 5064}, {5010, 5074}, {5020, 5084}}, "", true, 5020, ""},
        {"the third is silent: the other is walked up", {{9000}, {10, 100}, {20, 100}}, "2", true, 9000, "1"},
        {"uneven: the shortest walk", {{9000}, {700, 764}, {20, 100}}, "", true, 700, "2"},
        {"uneven the other way", {{9000}, {8500, 8564}, {20, 100}}, "", true, 9000, "1"},
        {"too few answer", {{9000}, {10, 100}, {20, 100}}, "02", false, 0, ""},
        {"five: the highest two are left out", {{9000}, {8000}, {10, 90}, {20, 90}, {30, 90}}, "", true, 30, ""},
        {"five: two must be walked", {{9000}, {8000}, {10, 90}, {20, 90}, {30, 90}}, "04", true, 8000, "23"},
        {"a disk without room is left out", {{last_round + 5}, {10}, {20}}, "", true, 20, ""},
        {"a majority without room", {{last_round + 5}, {last_round}, {20}}, "", false, 0, ""},
    };
    for (const auto& row : rows) {
        Climb climb = climb_of(row.stands);
        const Threshold rule = Threshold::majority(row.stands.size());
        const Climb::Way way = climb.way(rule, set_of(row.silent), Rank(), Instant());
        EXPECT_EQ(way.found, row.found) << row.what;
        if (!row.found) continue;
        EXPECT_EQ(way.above.round, row.above) << row.what;
        EXPECT_EQ(way.walk.bits(), set_of(row.walk).bits()) << row.what;
    }
}

TEST(Climb, NeverBelowWhatWasWritten) {
    Climb climb = climb_of({{9000}, {10, 100}, {20, 100}});
    const Rank written{50, Proposer(1)};
    const Climb::Way way = climb.way(Threshold::majority(3), DiskSet(), written, Instant());
    EXPECT_EQ(way.above, written);
}

TEST(Climb, ALimitIsBelievedForASecond) {
    Climb climb = climb_of({{9000}, {10, 100}, {20, 100}});
    const Threshold rule = Threshold::majority(3);
    EXPECT_EQ(climb.way(rule, DiskSet(), Rank(), Instant() + Climb::believed).above.round, 20U);
    const Instant later = Instant() + Climb::believed + Duration(1);
    EXPECT_EQ(climb.way(rule, DiskSet(), Rank(), later).above.round, 9000U);
}

TEST(Climb, ALimitRisesWithWhatStandsThere) {
    Climb climb = climb_of({{9000}, {10, 100}, {20, 100}});
    climb.stands(1, {300, Proposer(2)});
    EXPECT_EQ(climb.limit(1), 364U);
    EXPECT_FALSE(climb.admits(1, {363, Proposer(1)}));
    EXPECT_TRUE(climb.admits(1, {362, Proposer(1)}));
}

// What is left out refuses, and is no news; where no limit is known nobody has been left out.
TEST(Climb, WhoIsLeftOutIsForeseen) {
    const Rank rank{20, Proposer(2)};
    const Rank high{21, Proposer(2)};
    const Climb climb = climb_of({{9000}, {10, 64}, {20}});
    EXPECT_TRUE(climb.foresees(0, rank, high)) << "it stands higher";
    EXPECT_FALSE(climb.foresees(1, rank, high));
    EXPECT_FALSE(climb.foresees(2, rank, high)) << "it stands lower";
    EXPECT_TRUE(climb.foresees(1, rank, {75, Proposer(2)})) << "it lets nobody promise that";
    EXPECT_FALSE(climb.foresees(1, rank, {74, Proposer(2)}));
    EXPECT_TRUE(climb.foresees(2, {20, Proposer(0)}, high)) << "it stands higher in the same round";
    EXPECT_FALSE(climb_of({{9000}, {10}}).foresees(0, rank, high));
}

TEST(Climb, WhatADiskShowsIsWhereItStands) {
    Climb climb = climb_of({{9000}, {300, 364}, {20, 100}});
    climb.shows(1, {10, Proposer(1)});
    climb.barred(1, {10, Proposer(1)}, 100, Instant());
    EXPECT_EQ(climb.limit(1), 100U);
    EXPECT_EQ(climb.highest().round, 9000U);
    const Climb::Way way = climb.way(Threshold::majority(3), DiskSet(), Rank(), Instant());
    EXPECT_EQ(way.above.round, 20U) << "those that are low suffice again";
}

}  // namespace
}  // namespace diskpaxos
