// The rules of a lock as a table: who holds and waits, who asks, who may.
#include <gtest/gtest.h>

#include "lock/queue.hpp"

namespace diskpaxos {
namespace {

constexpr LockMode ex = LockMode::exclusive;
constexpr LockMode sh = LockMode::shared;
constexpr SessionRef a{0, 10}, b{1, 11}, c{2, 12}, d{3, 13};

// Upper case holds or waits exclusively, lower case shares: lock("A", "bC") is held by a alone,
// and b and c wait.
LockRecord lock(std::string_view holders, std::string_view waiters) {
    static constexpr SessionRef all[] = {a, b, c, d};
    LockRecord record;
    for (const char who : holders) {
        record.exclusive = who < 'a';
        record.holders.push_back({all[(who | 0x20) - 'a'], ++record.token});
    }
    for (const char who : waiters) enqueue(record, all[(who | 0x20) - 'a'], who < 'a' ? ex : sh);
    return record;
}

struct May {
    std::string_view holders, waiters;
    SessionRef who;
    LockMode mode;
    std::size_t skip;
    bool may;
};

TEST(Queue, WhoMayTakeALock) {
    const May table[] = {
        {"", "", a, ex, 0, true},     {"", "", a, sh, 0, true},
        {"A", "", b, ex, 0, false},   {"A", "", b, sh, 0, false},
        {"a", "", b, sh, 0, true},    {"a", "", b, ex, 0, false},
        {"", "B", a, ex, 0, false},   {"", "B", b, ex, 0, true},  // first come, first served
        {"", "B", a, sh, 0, false},                               // readers do not pass writers
        {"", "b", a, sh, 0, true},                                // but readers
        {"a", "B", c, sh, 0, false},                              // nor do they starve them
        {"a", "bC", c, ex, 0, false}, {"", "bC", c, ex, 0, false},
        {"", "BC", c, ex, 1, true},  // one grace, one place
        {"", "BCD", d, ex, 1, false}, {"", "BCD", d, ex, 2, true},
        {"", "Bcd", d, sh, 1, true},  // only the writer is in its way
        {"A", "B", b, ex, 9, false},  // no grace frees a held lock
    };
    for (const May& row : table) {
        EXPECT_EQ(may_take(lock(row.holders, row.waiters), row.who, row.mode, row.skip), row.may)
            << row.holders << " / " << row.waiters << ", slot " << row.who.slot << ", skip "
            << row.skip;
    }
}

TEST(Queue, TakingCountsTheTokenAndLeavesTheQueue) {
    LockRecord record = lock("", "BcD");
    record.token = 7;
    take(record, c, sh);
    EXPECT_EQ(record.token, 8U);
    ASSERT_NE(holding(record, c), nullptr);
    EXPECT_EQ(holding(record, c)->token, 8U);
    EXPECT_FALSE(record.exclusive);
    EXPECT_FALSE(place(record, b));  // passed over
    EXPECT_EQ(place(record, d), 0U);
}

TEST(Queue, NobodyStandsInItTwiceAndALaterSessionReplacesTheEarlier) {
    LockRecord record = lock("", "BC");
    enqueue(record, b, ex);
    EXPECT_EQ(record.waiters.size(), 2U);
    const SessionRef later{b.slot, b.epoch + 1};
    enqueue(record, later, ex);
    EXPECT_FALSE(place(record, b));
    EXPECT_EQ(place(record, later), 1U);
    EXPECT_TRUE(leave_queue(record, later));
    EXPECT_FALSE(leave_queue(record, later));
}

TEST(Queue, ReleaseTakesExactlyOneHolding) {
    LockRecord record = lock("ab", "");
    EXPECT_FALSE(release(record, a, 2));  // b's token
    EXPECT_FALSE(release(record, {a.slot, a.epoch + 1}, 1));
    EXPECT_TRUE(release(record, a, 1));
    EXPECT_FALSE(release(record, a, 1));
    EXPECT_NE(holding(record, b), nullptr);
    EXPECT_FALSE(record.doubtful);
}

TEST(Queue, TheValueIsDoubtfulWhenAnExclusiveHolderIsDropped) {
    LockRecord record = lock("ab", "");
    EXPECT_TRUE(drop(record, a));
    EXPECT_FALSE(record.doubtful);
    record = lock("A", "");
    EXPECT_TRUE(drop(record, a));
    EXPECT_FALSE(record.doubtful);  // there is none
    record = lock("A", "");
    record.value = Bytes(1);
    EXPECT_FALSE(drop(record, b));
    EXPECT_FALSE(record.doubtful);
    EXPECT_TRUE(drop(record, a));
    EXPECT_TRUE(record.doubtful);
}

TEST(Queue, ConvertingUpNeedsToBeAloneAndGivesANewToken) {
    LockRecord record = lock("ab", "");
    EXPECT_FALSE(convert(record, a, ex));
    EXPECT_TRUE(release(record, b, 2));
    EXPECT_TRUE(convert(record, a, ex));
    EXPECT_EQ(holding(record, a)->token, 3U);
    EXPECT_EQ(record.token, 3U);
    EXPECT_TRUE(record.exclusive);
    EXPECT_TRUE(convert(record, a, ex));  // it is
    EXPECT_EQ(record.token, 3U);
    EXPECT_TRUE(convert(record, a, sh));
    EXPECT_EQ(record.token, 3U);
    EXPECT_TRUE(compatible(record, sh));
}

}  // namespace
}  // namespace diskpaxos
