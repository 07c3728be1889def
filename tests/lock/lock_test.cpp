// Locks: what is promised of them, one test per sentence.
#include "members.hpp"

namespace diskpaxos {
namespace {

using Locks = Members;

TEST_F(Locks, OneHoldsItAndTheOthersAreBusy) {
    auto a = member(), b = member();
    EXPECT_EQ(a->acquire("x").value(), 1U);
    const auto refused = b->acquire("x", LockMode::exclusive, Duration(0));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::busy);
}

TEST_F(Locks, TokensRiseFromHoldingToHolding) {
    auto a = member(), b = member();
    for (std::uint64_t token = 1; token <= 10; token += 2) {
        EXPECT_EQ(a->acquire("x").value(), token);
        EXPECT_TRUE(a->release("x"));
        EXPECT_EQ(b->acquire("x").value(), token + 1);
        EXPECT_TRUE(b->release("x"));
    }
}

TEST_F(Locks, WhoLeavesIsReplacedWithinOnePoll) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    std::optional<Result<std::uint64_t>> got;
    Instant when{};
    const auto waiting = [](Lock& lock, LockWish wish, Cluster& on,
                            std::optional<Result<std::uint64_t>>& result,
                            Instant& at) -> Task<void> {
        result = co_await lock.acquire(wish);
        at = on.clock.now();
    };
    Scope scope(cluster.queue);
    scope.spawn(waiting(b->lock("x"), b->wish(), cluster, got, when));
    pass(seconds(30));
    EXPECT_FALSE(got);
    ASSERT_TRUE(a->release("x"));
    const Instant released = cluster.clock.now();
    pass(seconds(1));
    ASSERT_TRUE(got && *got) << (got ? got->error().sentence : "still waiting");
    EXPECT_LE(when - released, timing.lazy_poll());
}

TEST_F(Locks, WhoDiesIsReplacedWithinTtlAndOneRenewal) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    pass(seconds(7));
    a.reset();
    const Instant died = cluster.clock.now();
    ASSERT_TRUE(b->acquire("x"));
    const Duration took = cluster.clock.now() - died;
    EXPECT_LE(took, timing.observe() + timing.renewal());
    EXPECT_GT(took, timing.ttl() - timing.renewal());
}

TEST_F(Locks, AHolderIsNotEvictedWhileItRenews) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    const auto refused = b->acquire("x", LockMode::exclusive, seconds(120));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::busy);
    EXPECT_TRUE(a->lock("x").held());
    EXPECT_GE(a->session.renewals(), 120U / 2);
}

TEST_F(Locks, ASessionThatLeftHoldsNothing) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    ASSERT_TRUE(a->leave());
    EXPECT_EQ(b->acquire("x", LockMode::exclusive, Duration(0)).value(), 2U);
}

TEST_F(Locks, ANewSessionOfTheSlotDoesNotFreeWhatTheDeadOneHeld) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    const std::uint16_t slot = a->session.ref().slot;
    a.reset();
    auto again = member(slot);
    const Instant died = cluster.clock.now();
    ASSERT_TRUE(b->acquire("x"));
    EXPECT_GE(cluster.clock.now() - died, timing.ttl());
    EXPECT_TRUE(again->session.sound());
}

TEST_F(Locks, ReadersShareAndWritersDoNot) {
    auto a = member(), b = member(), c = member();
    ASSERT_TRUE(a->acquire("x", LockMode::shared));
    EXPECT_EQ(b->acquire("x", LockMode::shared).value(), 2U);
    EXPECT_FALSE(c->acquire("x", LockMode::exclusive, Duration(0)));
    ASSERT_TRUE(a->release("x"));
    EXPECT_FALSE(c->acquire("x", LockMode::exclusive, Duration(0)));
    ASSERT_TRUE(b->release("x"));
    EXPECT_TRUE(c->acquire("x", LockMode::exclusive, Duration(0)));
    EXPECT_FALSE(a->acquire("x", LockMode::shared, Duration(0)));
}

TEST_F(Locks, UpgradeOnlyAlone) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x", LockMode::shared));
    ASSERT_TRUE(b->acquire("x", LockMode::shared));
    const auto refused = cluster.run(a->lock("x").convert(LockMode::exclusive, cluster.soon()));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::busy);
    ASSERT_TRUE(b->release("x"));
    EXPECT_EQ(cluster.run(a->lock("x").convert(LockMode::exclusive, cluster.soon())).value(), 3U);
    EXPECT_FALSE(b->acquire("x", LockMode::shared, Duration(0)));
    EXPECT_EQ(cluster.run(a->lock("x").convert(LockMode::shared, cluster.soon())).value(), 3U);
    EXPECT_TRUE(b->acquire("x", LockMode::shared, Duration(0)));
}

TEST_F(Locks, WhatMayHaveBecomeOursCanBeReleased) {
    auto a = member(), b = member();
    Lock& x = a->lock("x");
    ASSERT_TRUE(a->acquire("x") && a->release("x"));  // the next change needs one phase only
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::doubtful;
    const auto taken = a->acquire("x", LockMode::exclusive, seconds(1));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Code::unknown_outcome);
    EXPECT_TRUE(x.in_doubt());
    EXPECT_FALSE(x.held());
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    EXPECT_TRUE(a->release("x"));
    EXPECT_FALSE(x.in_doubt());
    EXPECT_TRUE(b->acquire("x", LockMode::exclusive, Duration(0)));
}

TEST_F(Locks, WhatIsReleasedIsNotHeldWhateverComesOfIt) {
    auto a = member();
    Lock& x = a->lock("x");
    ASSERT_TRUE(a->acquire("x"));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::doubtful;
    const auto released = cluster.run(x.release(cluster.clock.now() + seconds(1)));
    ASSERT_FALSE(released);
    EXPECT_EQ(released.error().code, Code::unknown_outcome);
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    EXPECT_TRUE(a->session.sound());
    EXPECT_FALSE(x.held());
    EXPECT_FALSE(cluster.run(x.convert(LockMode::shared, cluster.soon())));
    EXPECT_TRUE(a->release("x"));
    EXPECT_EQ(a->acquire("x").value(), 2U);
    EXPECT_TRUE(x.held());
}

TEST_F(Locks, ADoubtfulConvertToSharedIsNotHeldUntilItIsSettled) {
    auto a = member(), b = member();
    Lock& x = a->lock("x");
    ASSERT_TRUE(a->acquire("x"));
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::doubtful;
    const Instant soon = cluster.clock.now() + seconds(1);
    const auto converted = cluster.run(x.convert(LockMode::shared, soon));
    ASSERT_FALSE(converted);
    EXPECT_EQ(converted.error().code, Code::unknown_outcome);
    for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::ok;
    EXPECT_TRUE(a->session.sound());
    EXPECT_FALSE(x.held());
    EXPECT_EQ(cluster.run(x.convert(LockMode::shared, cluster.soon())).value(), 1U);
    EXPECT_TRUE(x.held());
    EXPECT_TRUE(b->acquire("x", LockMode::shared, Duration(0)));
}

TEST_F(Locks, TheValueSurvivesItsHolder) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    ASSERT_TRUE(cluster.run(a->lock("x").set_value(Bytes(3, std::byte{7}), cluster.soon())));
    ASSERT_TRUE(a->release("x"));
    a.reset();
    auto b = member();
    ASSERT_TRUE(b->acquire("x"));
    EXPECT_EQ(b->lock("x").value(), Bytes(3, std::byte{7}));
    EXPECT_FALSE(b->lock("x").value_doubtful());
    b.reset();
    auto c = member();
    ASSERT_TRUE(c->acquire("x"));
    EXPECT_EQ(c->lock("x").value(), Bytes(3, std::byte{7}));
    EXPECT_TRUE(c->lock("x").value_doubtful());
}

TEST_F(Locks, ALostMajorityFreezesAndNobodyGuesses) {
    auto a = member(), b = member();
    ASSERT_TRUE(a->acquire("x"));
    cluster.disks[1]->mood = MemoryDisk::Mood::failing;
    cluster.disks[2]->mood = MemoryDisk::Mood::failing;
    const auto refused = b->acquire("x", LockMode::exclusive, seconds(9));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::no_quorum);
    pass(seconds(3));
    EXPECT_FALSE(a->session.sound());
    EXPECT_TRUE(a->session.lost().is_set());
}

// 7.4: a disk whose write failed is left alone for T_ghost, three TTLs here. The others carry the session.
TEST_F(Locks, AQuarantineEndsNoSessionWhileTheOthersSuffice) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    for (const std::size_t disk : {2U, 1U, 0U}) {
        cluster.disks[disk]->mood = MemoryDisk::Mood::failing;
        pass(seconds(3));
        cluster.disks[disk]->mood = MemoryDisk::Mood::ok;
        const unsigned visits = cluster.disks[disk]->counts.visits;
        pass(seconds(25));
        EXPECT_EQ(cluster.disks[disk]->counts.visits, visits) << disk;  // it is left alone indeed
        EXPECT_TRUE(a->session.sound()) << disk;
        pass(seconds(15));
        EXPECT_GT(cluster.disks[disk]->counts.visits, visits) << disk;  // and used again
    }
    EXPECT_GT(a->session.least_margin(), a->session.timing().ttl() / 2);
    EXPECT_TRUE(a->release("x"));
}

// The other side of it: two of three that failed within T_ghost are no majority any more, though both
// work again. No write of ours may stand beside one that may still land (docs/timing.md).
TEST_F(Locks, TwoQuarantinesAtOnceEndTheSession) {
    auto a = member();
    ASSERT_TRUE(a->acquire("x"));
    for (const std::size_t disk : {2U, 1U}) {
        cluster.disks[disk]->mood = MemoryDisk::Mood::failing;
        pass(seconds(3));
        cluster.disks[disk]->mood = MemoryDisk::Mood::ok;
    }
    pass(seconds(12));
    EXPECT_FALSE(a->session.sound());
    EXPECT_NE(a->session.why_lost().sentence.find("a write of ours failed and may still happen"),
              std::string::npos)
        << a->session.why_lost().sentence;
}

TEST_F(Locks, ADeadWaiterIsPassedOver) {
    auto a = member(), b = member(), c = member();
    ASSERT_TRUE(a->acquire("x"));
    {
        Scope scope(cluster.queue);
        const auto waiting = [](Lock& lock, LockWish wish) -> Task<void> {
            (void)co_await lock.acquire(wish);
        };
        scope.spawn(waiting(b->lock("x"), b->wish()));
        pass(seconds(2));
    }
    b.reset();  // it stands in the queue
    ASSERT_TRUE(a->release("x"));
    const Instant released = cluster.clock.now();
    ASSERT_TRUE(c->acquire("x"));
    EXPECT_LE(cluster.clock.now() - released, timing.grace() + 2 * timing.lazy_poll());
}

// Waits in the background until it is destroyed.
class Waiting {
  public:
    Waiting(Member& member, const std::string& name, LockMode mode)
        : scope_(member.cluster.queue) {
        scope_.spawn(wait(member.lock(name), member.wish(mode)));
    }
    bool has_it() const { return token_ && *token_; }

  private:
    Task<void> wait(Lock& lock, LockWish wish) { token_ = co_await lock.acquire(wish); }
    std::optional<Result<std::uint64_t>> token_;
    Scope scope_;
};

TEST_F(Locks, AWaitingWriterIsNotPassedOverByReaders) {
    auto a = member(), b = member(), writer = member();
    ASSERT_TRUE(a->acquire("x", LockMode::shared));
    Waiting waiting(*writer, "x", LockMode::exclusive);
    pass(seconds(1));
    Waiting reader(*b, "x", LockMode::shared);
    pass(4 * timing.grace());  // the writer is awake, it only cannot take what is held
    EXPECT_FALSE(reader.has_it());
    ASSERT_TRUE(a->release("x"));
    pass(seconds(1));
    EXPECT_TRUE(waiting.has_it());
}

TEST_F(Locks, ADeadWriterInTheQueueDoesNotBarReaders) {
    auto a = member(), b = member(), writer = member();
    ASSERT_TRUE(a->acquire("x", LockMode::shared));
    {
        Waiting waiting(*writer, "x", LockMode::exclusive);
        pass(seconds(1));
    }
    writer.reset();
    EXPECT_FALSE(b->acquire("x", LockMode::shared, Duration(0)));  // for all it knows, it waits
    const Instant asked = cluster.clock.now();
    ASSERT_TRUE(b->acquire("x", LockMode::shared));
    EXPECT_LE(cluster.clock.now() - asked, timing.observe() + timing.renewal());
}

TEST_F(Locks, OneTryIsNotBarredByWhoWaitedAndLeft) {
    auto a = member(), b = member(), c = member();
    ASSERT_TRUE(a->acquire("x"));
    {
        Waiting waiting(*b, "x", LockMode::exclusive);
        pass(seconds(1));
    }
    ASSERT_TRUE(b->leave());  // its place is still in the queue
    ASSERT_TRUE(a->release("x"));
    EXPECT_TRUE(c->acquire("x", LockMode::exclusive, Duration(0)));
}

TEST_F(Locks, AProcessThatSleptThroughItsTtlOpensAnotherSession) {
    auto a = member();
    cluster.clock.advance(seconds(60));  // nothing of it ran meanwhile
    EXPECT_FALSE(a->session.sound());
    ASSERT_TRUE(cluster.run(a->session.open(cluster.soon())));
    EXPECT_TRUE(a->session.sound());
    EXPECT_TRUE(a->acquire("x"));
}

}  // namespace
}  // namespace diskpaxos
