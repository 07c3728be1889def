// The ceiling of ranks: what an agent lets in, by time and by what stands there (ceiling-C1, C6).
#include "disk/ceiling.hpp"

#include <gtest/gtest.h>

#include "disk/step.hpp"

namespace diskpaxos {
namespace {

constexpr std::uint64_t year_ms = std::uint64_t{365} * 86'400'000;
constexpr std::uint64_t day = std::uint64_t{86'400} << 17;  // rounds

TEST(Ceiling, RisesWithTheTimeSinceTheFormatting) {
    const struct {
        const char* what;
        std::uint64_t formatted, now, expected;
    } rows[] = {
        {"at once", 1000, 1000, day},
        {"the clock is behind", 5'000'000, 1000, day},
        {"less than a second", 1000, 1999, day},
        {"a second", 1000, 2000, day + (1 << 17)},
        {"a day", 0, 86'400'000, 2 * day},
        {"of a group that cannot be read, in 2026", 0, 57 * year_ms, (57 * 365 + 1) * day},
        {"at the end of time", 0, ~std::uint64_t{0}, last_round},
    };
    for (const auto& row : rows) EXPECT_EQ(ceiling(row.formatted, row.now), row.expected) << row.what;
    EXPECT_LT(ceiling(0, 600 * year_ms), std::uint64_t{1} << 52) << "room for ages";
}

TEST(Ceiling, OrWithWhatStandsThere) {
    EXPECT_EQ(limit_above(0, day), day);
    EXPECT_EQ(limit_above(day - 64, day), day);
    EXPECT_EQ(limit_above(day - 63, day), day + 1);
    EXPECT_EQ(limit_above(std::uint64_t{1} << 40, day), (std::uint64_t{1} << 40) + 64) << "an old leap";
    EXPECT_EQ(limit_above(last_promise, day), last_promise) << "it never makes damage";
    EXPECT_EQ(limit_above(5, no_ceiling), no_ceiling);
}

constexpr std::size_t size = 512;
const BlockAddress here{.kind = BlockKind::cell, .cell = 3};
constexpr Rank rank(std::uint64_t round) { return {round, Proposer(1)}; }

Bytes block(Rank promised, Rank accepted = {}) {
    Bytes bytes(size);
    const std::string_view value = accepted.none() ? "" : "v";
    encode_block(bytes, here, {Proposer(1), 1, promised, accepted, Rank(), as_bytes(value)});
    return bytes;
}

TEST(Ceiling, HoldsForPromisesForWritesAndForWhatTheyPromiseAlong) {
    Bytes initial(size);
    encode_initial(initial, here);
    const Bytes high = block(rank(5000), rank(5000));
    const struct {
        const char* what;
        const Bytes& present;
        Bytes request;
        Rank at;
        StepVerdict verdict;
        std::uint64_t limit;
    } rows[] = {
        {"a promise at the ceiling", initial, block(rank(1000)), rank(1000), StepVerdict::done, 0},
        {"above it", initial, block(rank(1001)), rank(1001), StepVerdict::above, 1000},
        {"a write at the ceiling", initial, block(rank(1000), rank(1000)), rank(1000),
         StepVerdict::done, 0},
        {"above it", initial, block(rank(1001), rank(1001)), rank(1001), StepVerdict::above, 1000},
        {"and one that promises more", initial, block(rank(1001), rank(7)), rank(7),
         StepVerdict::above, 1000},
        {"64 above what stands there", high, block(rank(5064)), rank(5064), StepVerdict::done, 0},
        {"65", high, block(rank(5065)), rank(5065), StepVerdict::above, 5064},
        {"below what stands there", high, block(rank(4000)), rank(4000), StepVerdict::refused, 0},
        {"a write that comes again", high, block(rank(9000), rank(5000)), rank(5000),
         StepVerdict::done, 0},
    };
    for (const auto& row : rows) {
        Bytes next(row.present);
        const Stepped stepped = step(row.present, row.request, row.at, next, 1000);
        EXPECT_EQ(stepped.verdict, row.verdict) << row.what;
        if (row.verdict != StepVerdict::above) continue;
        EXPECT_EQ(stepped.limit, row.limit) << row.what;
        EXPECT_FALSE(stepped.changed) << row.what;
        EXPECT_EQ(next, row.present) << row.what;
    }
}

TEST(Ceiling, DoesNotTouchTheRestoringOfDamage) {
    Bytes spoilt = block(rank(50'000), rank(50'000));
    spoilt[300] ^= std::byte{1};
    Bytes next(spoilt);
    const Bytes image = block(rank(60'000), rank(50'000));
    EXPECT_EQ(step(spoilt, image, restoring(spoilt), next, 1000).verdict, StepVerdict::done);
    EXPECT_EQ(next, image);
}

// ceiling-C6: what leaves less than 2^40 rounds of room is damage, and can be restored as such.
TEST(Ceiling, APromiseWithoutRoomIsDamage) {
    const Bytes last = block(rank(last_promise));
    EXPECT_EQ(decode_block(last, here).state, BlockState::valid);
    const Bytes beyond = block(rank(last_promise + 1));
    const Decoded decoded = decode_block(beyond, here);
    EXPECT_EQ(decoded.state, BlockState::unknown);
    EXPECT_EQ(decoded.damage, Damage::no_room);
    EXPECT_FALSE(well_formed(beyond, rank(last_promise + 1)));
    Bytes next(beyond);
    EXPECT_EQ(step(beyond, block(rank(5)), rank(5), next).verdict, StepVerdict::damaged);
    EXPECT_EQ(step(beyond, block(rank(5)), restoring(beyond), next).verdict, StepVerdict::done);
}

}  // namespace
}  // namespace diskpaxos
