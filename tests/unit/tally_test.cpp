// Tally and quorum rules. One letter per disk: o counted, r refused, f failed, . silent.
#include "quorum/tally.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

namespace diskpaxos {

void PrintTo(Decision decision, std::ostream* out) {
    constexpr const char* names[] = {"pending", "won", "lost"};
    *out << names[static_cast<int>(decision)];
}

namespace {

constexpr Rank higher{9, Proposer(1)};

Decision decide(const QuorumRule& rule, Purposes needs, const std::string& disks) {
    Tally tally;
    tally.start(rule, needs);
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
        if (disks[disk] == 'o') tally.count(disk);
        if (disks[disk] == 'r') tally.refuse(disk, higher);
        if (disks[disk] == 'f') tally.fail(disk);
    }
    return tally.decision();
}

TEST(Tally, DecidesByTheMajorityThatIsIn) {
    using enum Decision;
    const struct {
        const char* disks;
        Decision decision;
    } rows[] = {
        {"o", won},       {"r", lost},      {"f", lost},      {".", pending},
        {"oo.", won},     {"o..", pending}, {"or.", pending}, {"of.", pending},
        {"orf", lost},    {"rr.", lost},    {"ff.", lost},    {"rf.", lost},
        {"oro", won},     {"ofo", won},     {"ooo", won},     {"...", pending},
        {"oo...", pending}, {"oorf.", pending}, {"oorfo", won}, {"orrr.", lost},
        {"ffr..", lost},  {"rr...", pending}, {"oo", won},    {"o.", pending},
        {"of", lost},     {"oo..", pending}, {"ooo.", won},   {"oorr", lost},
    };
    for (const auto& row : rows) {
        const std::string disks = row.disks;
        const Threshold rule = Threshold::majority(disks.size());
        EXPECT_EQ(decide(rule, {.read = true}, disks), row.decision) << disks;
    }
}

// The definition, said again without sets: enough, still possible, or no longer.
Decision by_counting(std::size_t need, const std::string& disks) {
    const auto counted = static_cast<std::size_t>(std::ranges::count(disks, 'o'));
    const auto silent = static_cast<std::size_t>(std::ranges::count(disks, '.'));
    if (counted >= need) return Decision::won;
    return counted + silent >= need ? Decision::pending : Decision::lost;
}

TEST(Tally, AgreesWithCountingForEverythingThatUpToFiveDisksCanSay) {
    unsigned compared = 0;
    for (std::size_t count = 1; count <= 5; ++count) {
        for (std::size_t word = 0; word < std::size_t{1} << (2 * count); ++word) {
            std::string disks;
            for (std::size_t d = 0; d < count; ++d) disks += "orf."[word >> (2 * d) & 3U];
            for (std::size_t need = 1; need <= count; ++need) {
                const Threshold rule(count, need, count, count);
                ASSERT_EQ(decide(rule, {.read = true}, disks), by_counting(need, disks)) << disks;
                ++compared;
            }
        }
    }
    EXPECT_EQ(compared, 4U + 16 * 2 + 64 * 3 + 256 * 4 + 1024 * 5);
}

TEST(Tally, OfSeveralPurposesNeedsTheLargestOfThem) {
    const Threshold rule(5, 4, 2, 5);  // read, write, recover
    EXPECT_EQ(decide(rule, {.write = true}, "oo..."), Decision::won);
    EXPECT_EQ(decide(rule, {.read = true, .write = true}, "oo..."), Decision::pending);
    EXPECT_EQ(decide(rule, {.read = true, .write = true}, "oooo."), Decision::won);
    EXPECT_EQ(decide(rule, {.read = true, .write = true}, "ooff."), Decision::lost);
    EXPECT_EQ(decide(rule, {.read = true, .write = true, .recover = true}, "oooof"), Decision::lost);
}

TEST(Tally, RemembersTheHighestPromiseThatRefusedIt) {
    const Threshold rule = Threshold::majority(3);
    Tally tally;
    tally.start(rule, {.read = true});
    EXPECT_TRUE(tally.beaten_by().none());
    tally.fail(0);
    EXPECT_TRUE(tally.beaten_by().none());
    tally.refuse(1, {5, Proposer(2)});
    tally.refuse(2, {5, Proposer(1)});
    EXPECT_EQ(tally.beaten_by(), (Rank{5, Proposer(2)}));
    tally.start(rule, {.read = true});
    EXPECT_TRUE(tally.beaten_by().none());
    EXPECT_EQ(tally.decision(), Decision::pending);
}

TEST(DiskSet, IsASet) {
    DiskSet set;
    set.insert(3);
    set.insert(3);
    set.insert(31);
    EXPECT_EQ(set.size(), 2U);
    EXPECT_TRUE(set.contains(31));
    set.erase(3);
    EXPECT_FALSE(set.contains(3));
    EXPECT_EQ((set | DiskSet::first(2)).bits(), 0x8000'0003U);
    EXPECT_EQ(DiskSet::first(32).size(), 32U);
    EXPECT_TRUE(DiskSet::first(0).empty());
}

// Two thresholds meet iff every set of the one size meets every set of the other.
bool every_pair_meets(std::size_t disks, std::size_t a, std::size_t b) {
    for (unsigned x = 0; x < 1U << disks; ++x) {
        for (unsigned y = 0; y < 1U << disks; ++y) {
            const bool sized = static_cast<std::size_t>(std::popcount(x)) >= a &&
                               static_cast<std::size_t>(std::popcount(y)) >= b;
            if (sized && (x & y) == 0) return false;
        }
    }
    return true;
}

TEST(Threshold, IntersectsExactlyIfEveryTwoSetsThatMustMeetDo) {
    for (std::size_t n = 1; n <= 4; ++n) {
        for (std::size_t read = 1; read <= n; ++read) {
            for (std::size_t write = 1; write <= n; ++write) {
                for (std::size_t recover = 1; recover <= n; ++recover) {
                    const bool meets = every_pair_meets(n, read, write) &&
                                       every_pair_meets(n, recover, write) &&
                                       every_pair_meets(n, recover, read);
                    EXPECT_EQ(Threshold(n, read, write, recover).intersects(), meets)
                        << n << ' ' << read << ' ' << write << ' ' << recover;
                }
            }
        }
    }
}

TEST(Threshold, OfAMajorityAlwaysIntersects) {
    for (std::size_t disks = 1; disks <= 15; ++disks) {
        EXPECT_TRUE(Threshold::majority(disks).intersects()) << disks;
        EXPECT_FALSE(Threshold::majority(disks).suffices(Purpose::read, DiskSet::first(disks / 2)));
        EXPECT_TRUE(Threshold::majority(disks).suffices(Purpose::read, DiskSet::first(disks / 2 + 1)));
    }
}

}  // namespace
}  // namespace diskpaxos
