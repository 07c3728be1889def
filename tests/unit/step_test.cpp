// Step: what an active disk does with one request, row by row (algorithms.md 3.3).
#include "disk/step.hpp"

#include <gtest/gtest.h>

namespace diskpaxos {
namespace {

constexpr std::size_t size = 512;
const BlockAddress here{.group = {}, .disk = 7, .kind = BlockKind::cell, .cell = 3};

constexpr Rank rank(std::uint64_t round, std::uint64_t who = 1) { return {round, Proposer(who)}; }

Bytes block(Rank promised, Rank accepted, std::string_view value, std::uint64_t who = 1) {
    Bytes bytes(size);
    encode_block(bytes, here, {Proposer(who), 1, promised, accepted, Rank(), as_bytes(value)});
    return bytes;
}
Bytes initial() {
    Bytes bytes(size);
    encode_initial(bytes, here);
    return bytes;
}
Bytes read_at(Rank r) { return block(r, Rank(), "", r.proposer.value); }
Bytes write_at(Rank r, std::string_view value, Rank next) {
    return block(next, r, value, r.proposer.value);
}

TEST(Step, ByTheRanksThatMeet) {
    const Bytes fresh = initial();
    const Bytes promised = block(rank(5), rank(2), "old");   // has promised 5, accepted 2
    const Bytes accepted = block(rank(5), rank(5), "five");  // has accepted 5
    const struct {
        const char* what;
        const Bytes& present;
        Bytes request;
        Rank at;
        StepVerdict verdict;
        Rank promise, accept;  // afterwards
        const char* value;
    } rows[] = {
        {"read of a fresh one", fresh, read_at(rank(1)), rank(1), StepVerdict::done, rank(1), {}, ""},
        {"write after it", fresh, write_at(rank(1), "v", rank(1)), rank(1), StepVerdict::done,
         rank(1), rank(1), "v"},
        {"write that promises the next", fresh, write_at(rank(1), "v", rank(2)), rank(1),
         StepVerdict::done, rank(2), rank(1), "v"},
        {"lower read", promised, read_at(rank(4)), rank(4), StepVerdict::refused, rank(5), rank(2),
         "old"},
        {"lower write", promised, write_at(rank(4), "v", rank(4)), rank(4), StepVerdict::refused,
         rank(5), rank(2), "old"},
        {"write between accept and promise", promised, write_at(rank(3), "v", rank(9)), rank(3),
         StepVerdict::refused, rank(5), rank(2), "old"},
        {"read at the promise again", promised, read_at(rank(5)), rank(5), StepVerdict::done,
         rank(5), rank(2), "old"},
        {"write at the promise", promised, write_at(rank(5), "v", rank(5)), rank(5),
         StepVerdict::done, rank(5), rank(5), "v"},
        {"same round, lower proposer", block(rank(5, 2), rank(2), "old", 2), read_at(rank(5, 1)),
         rank(5, 1), StepVerdict::refused, rank(5, 2), rank(2), "old"},
        {"same round, higher proposer", promised, read_at(rank(5, 2)), rank(5, 2),
         StepVerdict::done, rank(5, 2), rank(2), "old"},
        {"write that comes twice", accepted, write_at(rank(5), "five", rank(6)), rank(5),
         StepVerdict::done, rank(5), rank(5), "five"},
        {"two values for one rank", accepted, write_at(rank(5), "V", rank(5)), rank(5),
         StepVerdict::conflict, rank(5), rank(5), "five"},
    };
    for (const auto& row : rows) {
        Bytes next(row.present);
        ASSERT_TRUE(well_formed(row.request, row.at)) << row.what;
        const Stepped stepped = step(row.present, row.request, row.at, next);
        EXPECT_EQ(stepped.verdict, row.verdict) << row.what;
        EXPECT_EQ(stepped.changed, next != row.present) << row.what;
        const Decoded after = decode_block(next, here);
        ASSERT_NE(after.state, BlockState::unknown) << row.what;
        EXPECT_EQ(after.block.promised, row.promise) << row.what;
        EXPECT_EQ(after.block.accepted, row.accept) << row.what;
        EXPECT_EQ(as_text(after.block.value), row.value) << row.what;
    }
}

TEST(Step, NeverTakesDamageForAFreshRegister) {
    Bytes elsewhere(size);
    encode_initial(elsewhere, {.group = {}, .disk = 7, .kind = BlockKind::cell, .cell = 4});
    Bytes spoilt = block(rank(5), rank(5), "five");
    spoilt[300] ^= std::byte{1};
    for (const Bytes& present : {Bytes(size), elsewhere, spoilt}) {
        Bytes next(present);
        const Stepped stepped = step(present, read_at(rank(9)), rank(9), next);
        EXPECT_EQ(stepped.verdict, StepVerdict::damaged);
        EXPECT_FALSE(stepped.changed);
        EXPECT_EQ(next, present);
    }
}

TEST(Step, KeepsTheHighestCommitMarkAndTagsTheImage) {
    Bytes request(size), next(size);
    encode_block(request, here, {Proposer(9), 4, rank(8, 9), Rank(), rank(3), {}});
    step(block(rank(5), rank(5), "five"), request, rank(8, 9), next);
    const Decoded once = decode_block(next, here);
    EXPECT_EQ(once.block.committed, rank(3));
    EXPECT_EQ(once.block.incarnation, Proposer(9));
    EXPECT_EQ(once.block.seq, 4U);
    Bytes later(size);
    step(next, read_at(rank(9)), rank(9), later);
    EXPECT_EQ(decode_block(later, here).block.committed, rank(3));
}

// A mark above what is accepted there would vouch for whatever is written at that rank.
TEST(Step, KeepsNoCommitMarkAboveWhatIsAccepted) {
    const Bytes present = block(rank(5), rank(5), "five");
    const struct {
        Rank at, accepted, mark, kept;
    } rows[] = {
        {rank(8), {}, rank(8), {}},  // a promise that calls its own rank committed
        {rank(8), {}, rank(6), {}},
        {rank(8), {}, rank(5), rank(5)},
        {rank(8), rank(8), rank(7), rank(7)},
        {rank(8), rank(8), rank(9), {}},
    };
    for (const auto& row : rows) {
        Bytes request(size), next(size);
        const std::string_view value = row.accepted.none() ? "" : "v";
        encode_block(request, here,
                     {Proposer(1), 4, rank(9), row.accepted, row.mark, as_bytes(value)});
        ASSERT_EQ(step(present, request, row.at, next).verdict, StepVerdict::done);
        EXPECT_EQ(decode_block(next, here).block.committed, row.kept);
    }
}

TEST(Step, RestoresOnlyTheDamageThatItWasMadeFor) {
    const Bytes sound = block(rank(5), rank(5), "five");
    Bytes spoilt(sound), other(sound);
    spoilt[300] ^= std::byte{1};
    other[300] ^= std::byte{2};
    const Bytes request = block(rank(9, 2), rank(8, 2), "eight", 2);
    const Rank at = restoring(spoilt);
    EXPECT_TRUE(well_formed(request, at));
    for (const Bytes& present : {sound, other, initial(), Bytes(size)}) {
        Bytes next(present);
        EXPECT_EQ(step(present, request, at, next).verdict, StepVerdict::refused);
        EXPECT_EQ(next, present);
    }
    Bytes next(spoilt);
    const Stepped restored = step(spoilt, request, at, next);
    EXPECT_EQ(restored.verdict, StepVerdict::done);
    EXPECT_EQ(next, request);
}

TEST(Step, RequestsThatMakeNoSenseAreNotWellFormed) {
    EXPECT_TRUE(well_formed(read_at(rank(5)), rank(5)));
    EXPECT_TRUE(well_formed(write_at(rank(5), "v", rank(6)), rank(5)));
    EXPECT_FALSE(well_formed(read_at(rank(5)), rank(4)));
    EXPECT_FALSE(well_formed(initial(), rank(1)));
    EXPECT_FALSE(well_formed(Bytes(size), rank(1)));
    Bytes other(size);
    encode_block(other, {.disk = 7, .kind = BlockKind::cell, .cell = 3, .slot = 2},
                 {Proposer(1), 1, rank(5), Rank(), Rank(), {}});
    EXPECT_FALSE(well_formed(other, rank(5)));
}

}  // namespace
}  // namespace diskpaxos
