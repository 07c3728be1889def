// Surveys: what the disks say together of a cell, by table; then whole groups in memory.
#include "lock/survey.hpp"

#include "members.hpp"

namespace diskpaxos {
namespace {

// ---- one cell ----

constexpr Rank rank(std::uint64_t round) {
    return {round, Proposer{1}};
}

Glimpse having(std::uint64_t accepted, std::uint64_t committed = 0) {
    Glimpse seen;
    seen.present = seen.read = true;
    seen.accepted = seen.promised = accepted == 0 ? Rank() : rank(accepted);
    seen.committed = committed == 0 ? Rank() : rank(committed);
    seen.record = Bytes(accepted, std::byte{1});  // its length tells which one it is
    return seen;
}
Glimpse hurt(std::uint64_t accepted) {
    Glimpse seen = having(accepted);
    seen.damage = Damage::checksum;
    return seen;
}
Glimpse silent() {
    Glimpse seen;
    seen.present = true;
    return seen;
}
Glimpse missing() {
    return {};
}

struct Row {
    const char* what;
    std::vector<Glimpse> disks;
    Standing standing;
    std::uint64_t wins;
    std::vector<DiskSays> says;
};

TEST(Agreement, IsAsTheTableSays) {
    using enum DiskSays;
    const std::vector<Row> table = {
        {"nobody ever wrote",
         {having(0), having(0), having(0)},
         Standing::committed,
         0,
         {agrees, agrees, agrees}},
        {"a commit mark names it",
         {having(5, 5), having(5), having(5)},
         Standing::committed,
         5,
         {agrees, agrees, agrees}},
        {"nothing names it yet",
         {having(5), having(5), having(5)},
         Standing::moving,
         5,
         {agrees, agrees, agrees}},
        {"the mark is of an older one",
         {having(5, 4), having(5, 4), having(4, 4)},
         Standing::moving,
         5,
         {agrees, agrees, behind}},
        {"the mark is of a newer one",
         {having(5, 6), having(5), having(5)},
         Standing::moving,
         5,
         {agrees, agrees, agrees}},
        {"one disk missed writes",
         {having(5, 5), having(3), having(5)},
         Standing::committed,
         5,
         {agrees, behind, agrees}},
        {"on a minority",
         {having(7, 5), having(5), having(5)},
         Standing::moving,
         7,
         {agrees, behind, behind}},
        {"one is damaged",
         {having(5, 5), hurt(9), having(5)},
         Standing::committed,
         5,
         {agrees, damaged, agrees}},
        {"one is absent",
         {having(5, 5), missing(), having(5)},
         Standing::committed,
         5,
         {agrees, DiskSays::absent, agrees}},
        {"one alone",
         {having(5, 5), missing(), silent()},
         Standing::no_majority,
         5,
         {agrees, DiskSays::absent, unreadable}},
        {"two are damaged",
         {having(5, 5), hurt(6), hurt(5)},
         Standing::no_majority,
         6,
         {behind, damaged, damaged}},
        {"nothing is left",
         {missing(), silent(), silent()},
         Standing::no_majority,
         0,
         {DiskSays::absent, unreadable, unreadable}},
    };
    const Threshold rule = Threshold::majority(3);
    for (const Row& row : table) {
        SCOPED_TRACE(row.what);
        std::vector<const Glimpse*> disks;
        for (const Glimpse& disk : row.disks) disks.push_back(&disk);
        const Agreement found = agreement(disks, rule);
        EXPECT_EQ(found.standing, row.standing) << describe(found.standing);
        EXPECT_EQ(found.rank.round, row.wins);
        EXPECT_EQ(found.record.size(), row.wins);
        EXPECT_EQ(found.disks, row.says);
    }
}

// ---- what became of a session ----

TEST(Fates, FollowFromWhatTheCellSays) {
    SessionRecord record;
    record.ttl_ms = 1000;
    record.opened = 20;
    const SessionRef self{3, 20}, earlier{3, 10}, later{3, 30};
    EXPECT_EQ(fate_of(self, std::nullopt), Fate::unknown);
    EXPECT_EQ(fate_of(self, record), Fate::live);
    EXPECT_EQ(fate_of(earlier, record), Fate::superseded);
    EXPECT_EQ(fate_of(later, record), Fate::unknown);
    record.unclean = 10;
    EXPECT_EQ(fate_of(earlier, record), Fate::cut_short);
    record.unclean = 15;
    EXPECT_EQ(fate_of(earlier, record), Fate::superseded);
    record.state = SessionState::left;
    EXPECT_EQ(fate_of(self, record), Fate::left);
    record.state = SessionState::evicted;
    EXPECT_EQ(fate_of(self, record), Fate::evicted);
}

// ---- whole groups ----

class Surveys : public Members {
  protected:
    using Mood = MemoryDisk::Mood;

    // `mood`: of the last disk, once the group is assembled.
    Survey survey(std::vector<Disk*> disks, Mood mood = Mood::ok) {
        Assembly assembly(cluster.world, std::move(disks));
        const Result<Roster> roster = cluster.run(assembly.run(false, cluster.soon()));
        EXPECT_TRUE(roster);
        const Threshold rule = Threshold::majority(roster->disks());
        Surveyor surveyor(cluster.world, *roster, rule);
        cluster.disks.back()->mood = mood;
        return cluster.run(surveyor.run(cluster.soon()));
    }
    Survey survey(Mood mood = Mood::ok) { return survey(cluster.all(), mood); }
};

TEST_F(Surveys, AnEmptyGroupHasNoNames) {
    const Survey found = survey();
    EXPECT_TRUE(found.majority);
    EXPECT_TRUE(found.names.empty());
    EXPECT_EQ(found.cells, shape.cells);
    ASSERT_EQ(found.slots.size(), shape.slots);
    for (const SlotView& slot : found.slots) EXPECT_TRUE(slot.known && slot.owner.held());
}

TEST_F(Surveys, ShowWhoHoldsALock) {
    auto a = member();
    ASSERT_EQ(a->acquire("x").value(), 1U);
    const Survey found = survey();
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::committed);
    const auto lock = found.lock(*cell);
    ASSERT_TRUE(lock);
    ASSERT_EQ(lock->holders.size(), 1U);
    EXPECT_EQ(lock->holders[0].session, a->session.ref());
    EXPECT_EQ(found.fate(lock->holders[0].session), Fate::live);
    const auto session = found.session(a->session.ref().slot);
    ASSERT_TRUE(session);
    EXPECT_EQ(session->host_name, "home");
    EXPECT_EQ(session->pid, 4711U);
    EXPECT_EQ(found.find("y"), nullptr);
}

TEST_F(Surveys, KnowThoseWhoLeft) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    const SessionRef gone = a->session.ref();
    ASSERT_TRUE(a->leave());
    EXPECT_EQ(survey().fate(gone), Fate::left);
}

TEST_F(Surveys, AMinoritySaysSo) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    const Survey found = survey({cluster.disks[0].get()});
    EXPECT_FALSE(found.majority);
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::no_majority);
    using enum DiskSays;
    EXPECT_EQ(cell->disks, (std::vector<DiskSays>{agrees, absent, absent}));
}

TEST_F(Surveys, ADiskThatFailsIsNamed) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    const Survey found = survey(Mood::failing);
    EXPECT_TRUE(found.majority);
    EXPECT_NE(found.disks[2].error, 0);
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::committed);
    EXPECT_EQ(cell->disks[2], DiskSays::unreadable);
}

TEST_F(Surveys, ADiskThatHangsIsNotWaitedForLong) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    const Instant asked = cluster.clock.now();
    const Survey found = survey(Mood::silent);
    EXPECT_LE(cluster.clock.now() - asked, seconds(3));
    EXPECT_TRUE(found.majority);
    EXPECT_FALSE(found.disks[2].answered);
    EXPECT_EQ(found.find("x")->disks[2], DiskSays::unreadable);
    cluster.disks[2]->release();
}

TEST_F(Surveys, ADiskThatMissedWritesIsBehind) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    cluster.disks[2]->mood = Mood::failing;
    ASSERT_TRUE(a->release("x"));
    cluster.disks[2]->mood = Mood::ok;
    const Survey found = survey();
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::committed);
    EXPECT_TRUE(found.lock(*cell)->holders.empty());
    EXPECT_EQ(cell->disks[2], DiskSays::behind);
    EXPECT_GT(found.disks[2].behind, 0U);
}

TEST_F(Surveys, APromiseAboveTheValueIsMotion) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    EXPECT_EQ(survey().find("x")->standing, Standing::committed);
    for (const auto& disk :
         cluster.disks) {  // b sees the lock; then its promise is written, untold
        MemoryDisk& one = *disk;
        one.after_read = [&one] { one.mood = Mood::doubtful; };
    }
    EXPECT_FALSE(b->acquire("x", LockMode::exclusive, seconds(1)));
    for (const auto& disk : cluster.disks) disk->mood = Mood::ok;
    const Survey found = survey();
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::moving);
    EXPECT_EQ(found.lock(*cell)->holders[0].session, a->session.ref());
}

TEST_F(Surveys, ADamagedBlockCostsOneCellOnOneDisk) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    const std::uint32_t number = survey().find("x")->number;
    const ByteSpan block = cluster.disks[1]->at(shape.row(number).first);
    block[200] ^= std::byte{1};
    const Survey found = survey();
    const SurveyedCell* cell = found.find("x");
    ASSERT_NE(cell, nullptr);
    EXPECT_EQ(cell->standing, Standing::committed);
    EXPECT_EQ(cell->disks[1], DiskSays::damaged);
    EXPECT_EQ(found.disks[1].damaged, 1U);
}

}  // namespace
}  // namespace diskpaxos
