// Groups whose disks are active, all or some: cells, sessions and locks as on passive ones.
#include <gtest/gtest.h>

#include "group/heal_registers.hpp"
#include "lock/members.hpp"
#include "lock/survey.hpp"

namespace diskpaxos {
namespace {

constexpr Geometry shape{.block_size = 512, .slots = 8, .ring = 2, .cells = 32};

class ActiveGroups : public testing::TestWithParam<std::size_t> {  // how many of three are active
  protected:
    ActiveGroups() : cluster(3, shape, GetParam()) { EXPECT_TRUE(cluster.format(8)); }
    bool unannounced() const { return GetParam() == 3; }
    std::unique_ptr<Member> member() {
        return std::make_unique<Member>(cluster, kernel, "home");
    }
    Result<Named> set(Process& process, const std::string& name, const std::string& value) {
        return cluster.run(set_value(process.directory, name, value, cluster.soon()));
    }
    Result<Named> get(Process& process, const std::string& name) {
        return cluster.run(process.directory.get(name, cluster.soon()));
    }

    Cluster cluster;
    HostLocks kernel;
};
INSTANTIATE_TEST_SUITE_P(Active, ActiveGroups, testing::Values(1, 2, 3));

TEST_P(ActiveGroups, OneWritesAndAnotherReads) {
    Process one(cluster, kernel, host_named("home")), two(cluster, kernel, host_named("home"));
    ASSERT_TRUE(one.seated && two.seated);
    ASSERT_TRUE(set(one, "fruit", "apple"));
    const auto read = get(two, "fruit");
    ASSERT_TRUE(read);
    EXPECT_EQ(as_text(read->value), "apple");
    EXPECT_EQ(read->version, 1U);
    ASSERT_TRUE(set(two, "fruit", "pear"));
    EXPECT_EQ(as_text(get(one, "fruit")->value), "pear");
}

TEST_P(ActiveGroups, AnyOneDiskMayBeLost) {
    for (std::size_t lost = 0; lost < 3; ++lost) {
        Process one(cluster, kernel, host_named("home")), two(cluster, kernel, host_named("home"));
        cluster.disks[lost]->mood = MemoryDisk::Mood::failing;
        const std::string name = "n" + std::to_string(lost);
        ASSERT_TRUE(set(one, name, "v"));
        EXPECT_EQ(as_text(get(two, name)->value), "v");
        cluster.disks[lost]->mood = MemoryDisk::Mood::ok;
        cluster.clock.advance(std::chrono::minutes(1));  // failed writes have landed by now
    }
}

TEST_P(ActiveGroups, ManyMoreProcessesThanSlotsOnlyWhereAllAreActive) {
    std::vector<std::unique_ptr<Process>> crowd;
    for (unsigned i = 0; i < 3 * shape.slots; ++i) {
        crowd.push_back(std::make_unique<Process>(cluster, kernel, host_named("home")));
        if (!crowd.back()->seated) break;
        ASSERT_TRUE(cluster.run(increment(crowd.back()->directory, "count", 1, cluster.soon())));
    }
    EXPECT_EQ(crowd.size() == 3 * shape.slots && bool(crowd.back()->seated), unannounced());
    if (unannounced()) {
        EXPECT_EQ(as_text(get(*crowd.front(), "count")->value), "24");
    }
}

TEST_P(ActiveGroups, WhoComesBackAfterManyOthersIsNotInDoubt) {
    for (const bool one_fails : {false, true}) {
        Process one(cluster, kernel, host_named("home")), other(cluster, kernel, host_named("home"));
        const std::string name = one_fails ? "n" : "m";
        ASSERT_TRUE(cluster.run(increment(one.directory, name, 1, cluster.soon())));
        if (one_fails) cluster.disks[2]->mood = MemoryDisk::Mood::failing;
        for (unsigned i = 0; i < 40; ++i) {
            ASSERT_TRUE(cluster.run(increment(other.directory, name, 1, cluster.soon())));
        }
        const auto last = cluster.run(increment(one.directory, name, 1, cluster.soon()));
        if (one_fails && !last) {  // nobody can say what the silent disk has done
            EXPECT_EQ(last.error().code, Code::unknown_outcome);
        } else {
            ASSERT_TRUE(last) << last.error().sentence;
            EXPECT_EQ(as_text(last->value), "42");
        }
        const auto again = cluster.run(increment(one.directory, name, 1, cluster.soon()));
        ASSERT_TRUE(again) << again.error().sentence;
        cluster.disks[2]->mood = MemoryDisk::Mood::ok;
        cluster.clock.advance(std::chrono::minutes(1));
    }
}

TEST_P(ActiveGroups, LocksPassFromOneToTheOther) {
    auto one = member(), two = member();
    EXPECT_NE(one->session.ref().slot, two->session.ref().slot);
    ASSERT_TRUE(one->acquire("x"));
    EXPECT_EQ(two->acquire("x", LockMode::exclusive, Duration(0)).error().code, Code::busy);
    const std::uint64_t before = one->lock("x").token();
    ASSERT_TRUE(one->release("x"));
    ASSERT_TRUE(two->acquire("x"));
    EXPECT_GT(two->lock("x").token(), before);
    two.reset();  // dies
    ASSERT_TRUE(one->acquire("x"));
}

// A lock may be in the middle of a change under the session that was lost: the number of another one
// with the epoch of ours would name nobody, or somebody else. All numbers are taken here.
TEST_P(ActiveGroups, ASessionKeepsItsNameUntilThereIsAnother) {
    if (!unannounced()) return;  // a slot of its own is never taken
    auto one = member();
    const SessionRef before = one->session.ref();
    cluster.clock.advance(seconds(11));  // its TTL is over
    std::vector<std::unique_ptr<Member>> others;
    while (others.size() < shape.slots - 1) others.push_back(member());
    const auto opened = cluster.run(one->session.open(cluster.clock.now() + seconds(1)));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::no_slot);
    EXPECT_EQ(one->session.ref(), before);
}

// Each step on its way to a number of its own would cost a live session the rank it has prepared.
TEST_P(ActiveGroups, WhoFindsNoSessionNumberHasDisturbedNoSession) {
    if (!unannounced()) return;  // a slot of its own is never looked for
    auto late = member();
    cluster.clock.advance(seconds(11));  // its TTL is over
    std::vector<std::unique_ptr<Member>> others;
    while (others.size() < shape.slots - 1) others.push_back(member());
    std::vector<unsigned> before;
    for (const auto& disk : cluster.disks) before.push_back(disk->counts.steps);
    ASSERT_FALSE(cluster.run(late->session.open(cluster.clock.now() + seconds(1))));
    for (std::size_t i = 0; i < before.size(); ++i) {
        EXPECT_EQ(cluster.disks[i]->counts.steps, before[i]) << i;
    }
}

Task<void> take(Member& who, std::optional<Result<std::uint64_t>>& token) {
    token.emplace(co_await who.lock("x").acquire(who.wish()));
}

TEST_P(ActiveGroups, AWaiterIsToldWhenTheLockIsFree) {
    auto one = member(), two = member();
    ASSERT_TRUE(one->acquire("x"));
    std::optional<Result<std::uint64_t>> token;
    Scope scope(cluster.queue);
    scope.spawn(take(*two, token));
    cluster.run_for(std::chrono::seconds(2));
    ASSERT_FALSE(token);
    ASSERT_TRUE(one->release("x"));
    const Instant freed = cluster.clock.now();
    while (!token) cluster.run_for(std::chrono::microseconds(100));
    EXPECT_TRUE(*token);
    const Duration waited = cluster.clock.now() - freed;
    EXPECT_LE(waited, unannounced() ? Duration(0) : Duration(std::chrono::seconds(1))) << waited.count();
}

TEST_P(ActiveGroups, SessionsOfTheDeadMakeRoom) {
    if (!unannounced()) GTEST_SKIP() << "slots are borrowed by locks of the host";
    for (unsigned i = 0; i < shape.slots; ++i) member();  // each dies at once
    Member late(cluster, kernel, "home");
    EXPECT_TRUE(late.opened);
}

TEST_P(ActiveGroups, ADamagedRegisterIsRestoredAndNothingElse) {
    Process one(cluster, kernel, host_named("home"));
    ASSERT_TRUE(set(one, "fruit", "apple"));
    Process healer(cluster, kernel, host_named("home"));
    const std::size_t hurt = 2;
    const std::uint64_t first = healer.group.roster().geometry(hurt).cells_begin();
    std::uint64_t damaged = 0;
    for (std::uint32_t cell = 0; cell < shape.cells; ++cell) {
        cluster.disks[hurt]->at(first + cell)[200] ^= std::byte{1};
        ++damaged;
    }
    RegisterHealer healing(healer.group);
    const RegisterReport report = cluster.run(healing.run(std::chrono::seconds(5)));
    EXPECT_EQ(report.restored, damaged);
    EXPECT_EQ(report.unhealable + report.failed, 0U);
    RegisterHealer again(healer.group);
    const RegisterReport nothing = cluster.run(again.run(std::chrono::seconds(5)));
    EXPECT_EQ(nothing.restored + nothing.renewed, 0U);
    // What was prepared before cannot go on as if nothing had happened. With slots, an entry of
    // `done` does not reach back over such a leap: that is said, and the next change is sure.
    const auto changed = set(one, "fruit", "pear");
    if (!changed) {
        EXPECT_EQ(changed.error().code, Code::unknown_outcome);
        EXPECT_FALSE(unannounced());
        ASSERT_TRUE(set(one, "fruit", "pear"));
    }
    cluster.disks[0]->mood = MemoryDisk::Mood::failing;
    EXPECT_EQ(as_text(get(healer, "fruit")->value), "pear");
}

TEST_P(ActiveGroups, ASurveyShowsWhatIsThere) {
    auto one = member();
    ASSERT_TRUE(one->acquire("x"));
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(3);
    Surveyor surveyor(cluster.world, roster, rule);
    const Survey survey = cluster.run(surveyor.run(cluster.soon()));
    const SurveyedCell* lock = survey.find("x");
    ASSERT_NE(lock, nullptr);
    EXPECT_EQ(lock->standing, Standing::committed);
    EXPECT_EQ(survey.lock(*lock)->holders.front().session, one->session.ref());
    EXPECT_TRUE(survey.session(one->session.ref().slot));
}

TEST_P(ActiveGroups, NamesThatAreNotForUsAreSaidToBeSo) {
    Process one(cluster, kernel, host_named("home"));
    for (auto& disk : cluster.disks) disk->letting = "ours/";
    EXPECT_TRUE(set(one, "ours/x", "v"));
    EXPECT_EQ(set(one, "theirs/x", "v").error().code, Code::permission);
    EXPECT_EQ(get(one, "theirs/x").error().code, Code::permission);
}

}  // namespace
}  // namespace diskpaxos
