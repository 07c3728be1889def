// What the cells of sessions and locks say, byte for byte there and back.
#include <gtest/gtest.h>

#include "async/random.hpp"
#include "lock/lock_record.hpp"
#include "lock/session_record.hpp"

namespace diskpaxos {
namespace {

SessionRecord sample() {
    SessionRecord record;
    record.state = SessionState::left;
    record.ttl_ms = 10'000;
    record.opened = 0x1'0000'0007;
    record.unclean = 0x1'0000'0003;
    record.since_ms = 1'700'000'000'000;
    record.pid = 4711;
    record.margin_ms = 8'300;
    record.boot[0] = record.boot[7] = std::byte{9};
    record.seen_ms = 1'700'000'123'456;
    record.beat = 77;
    record.host_name = "gannet";
    record.command = "backup --all";
    return record;
}

TEST(SessionRecords, ComeBackAsTheyWere) {
    EXPECT_EQ(decode_session(encode(sample(), 200)), sample());
}

// What programs of before wrote, and what they make of these: they look at nothing but the lengths.
TEST(SessionRecords, OfBeforeHaveNoTimeOfRenewal) {
    Bytes old = encode(sample(), 200);
    old[3] = std::byte{0};
    old[48] = old[55] = std::byte{7};
    const auto record = decode_session(old);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->seen_ms, 0U);
    EXPECT_EQ(record->boot[8], std::byte{7});
    EXPECT_EQ(record->boot[15], std::byte{7});
    EXPECT_EQ(encode(*record, 200), old) << "whoever evicts it writes the rest as it was";
    EXPECT_EQ(record->command, sample().command);
    EXPECT_EQ(record->beat, sample().beat);
}

TEST(SessionRecords, AreNoLongerForTheTimeOfRenewal) {
    SessionRecord record = sample();
    const std::size_t with = encode(record, 200).size();
    record.seen_ms = 0;
    EXPECT_EQ(encode(record, 200).size(), with);
}

TEST(SessionRecords, AreCutToWhatFits) {
    const Bytes tight = encode(sample(), 60 + 6 + 3);
    EXPECT_EQ(tight.size(), 69U);
    const auto record = decode_session(tight);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->host_name, "gannet");
    EXPECT_EQ(record->command, "bac");
    EXPECT_EQ(decode_session(encode(sample(), 60))->host_name, "");
}

TEST(SessionRecords, AreRefusedWhenNobodyWroteThem) {
    const Bytes good = encode(sample(), 200);
    EXPECT_FALSE(decode_session(ByteView(good).first(59)));
    EXPECT_FALSE(decode_session(ByteView(good).first(good.size() - 1)));
    const auto with = [&](std::size_t at, std::uint8_t byte) {
        Bytes bad = good;
        bad[at] = std::byte{byte};
        return decode_session(bad);
    };
    EXPECT_FALSE(with(0, 0));  // no such state
    EXPECT_FALSE(with(0, 4));
    EXPECT_FALSE(with(21, 0xff));  // unclean after opened
    Bytes no_ttl = good;
    std::fill_n(no_ttl.begin() + 4, 4, std::byte{0});
    EXPECT_FALSE(decode_session(no_ttl));
}

TEST(SessionRecords, TellWhoIsUnclean) {
    const SessionRecord record = sample();  // opened 7, of the same slot cut short from 3 on
    EXPECT_TRUE(record.leaves_unclean(3));
    EXPECT_TRUE(record.leaves_unclean(6));
    EXPECT_FALSE(record.leaves_unclean(2));
    EXPECT_FALSE(record.leaves_unclean(7));
    EXPECT_TRUE(record.follows(6));
    EXPECT_FALSE(record.follows(7));
    EXPECT_FALSE(record.follows(8));
    EXPECT_TRUE(record.follows(0xffff'fff0));  // epochs are counted modulo 2^32
}

LockRecord full_lock() {
    LockRecord lock;
    lock.token = 0x2'0000'0005;
    lock.holders = {{{3, 40}, 0x2'0000'0005}, {{4, 50}, 0x1'ffff'fff0}};
    lock.waiters = {{1, 7, LockMode::exclusive}, {2, 9, LockMode::shared}};
    lock.value = Bytes(max_lock_value, std::byte{5});
    lock.doubtful = true;
    return lock;
}

TEST(LockRecords, ComeBackAsTheyWere) {
    Bytes out;
    encode(out, full_lock());
    EXPECT_EQ(out.size(), encoded_size(full_lock()));
    EXPECT_EQ(decode_lock(out), full_lock());  // tokens of holders by their low bits alone
    EXPECT_EQ(decode_lock({}), LockRecord());
}

TEST(LockRecords, AreRefusedWhenNobodyWroteThem) {
    Bytes out;
    encode(out, full_lock());
    EXPECT_FALSE(decode_lock(ByteView(out).first(11)));
    EXPECT_FALSE(decode_lock(ByteView(out).first(out.size() - 1)));
    Bytes two_writers = out;
    two_writers[0] |= std::byte{1};
    EXPECT_FALSE(decode_lock(two_writers));
    Bytes early = out;  // a holder, though no token was ever given
    std::fill_n(early.begin() + 4, 8, std::byte{0});
    EXPECT_FALSE(decode_lock(early));
}

// A large block has room for more than the counts can tell. Who writes its own lock may fill it.
TEST(LockRecords, HaveRoomForWhatTheirCountsCanTell) {
    constexpr std::size_t roomy = 4096;
    for (const bool holders : {true, false}) {
        LockRecord lock;
        lock.token = 1;
        if (holders) lock.holders.assign(255, {{1, 1}, 1});
        else lock.waiters.assign(255, {1, 7, LockMode::exclusive});
        Bytes out;
        encode(out, lock);
        const auto read = decode_lock(out);
        ASSERT_TRUE(read);
        EXPECT_TRUE(fits_into(roomy, *read));
        EXPECT_FALSE(fits_into(roomy, *read, 1, 1));
        EXPECT_FALSE(fits_into(encoded_size(*read) - 1, *read));
        if (holders) lock.holders.push_back({{2, 1}, 1});
        else lock.waiters.push_back({2, 7, LockMode::exclusive});
        EXPECT_FALSE(fits_into(roomy, lock));
    }
}

}  // namespace
}  // namespace diskpaxos
