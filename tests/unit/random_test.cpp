// SeededRandom: a seed means the same everywhere and for ever; replays depend on it.
#include "async/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace diskpaxos {
namespace {

// xoshiro256** seeded by splitmix64, computed by another implementation.
TEST(SeededRandom, GivesTheGoldenNumbers) {
    constexpr std::uint64_t million = 1'000'000;
    const struct {
        std::uint64_t seed;
        std::array<std::uint64_t, 5> drawn;
    } rows[] = {{0, {66420, 335082, 508768, 143532, 723737}},
                {1, {79557, 540522, 690900, 545383, 680371}},
                {42, {558742, 543102, 559009, 124193, 317476}}};
    for (const auto& row : rows) {
        SeededRandom random(row.seed);
        for (const std::uint64_t expected : row.drawn) {
            EXPECT_EQ(random.below(million), expected) << "seed " << row.seed;
        }
    }
}

TEST(SeededRandom, RejectsTheUnevenTailInsteadOfFoldingIt) {
    // Of the first draws of seed 1, those of 2^63 and more are passed over.
    SeededRandom random(1);
    const std::uint64_t half = std::uint64_t{1} << 63;
    EXPECT_EQ(random.below(half), 0x642e1c7bc266a3a7U);
    EXPECT_EQ(random.below(half), 0x24c123126ffda722U);
}

TEST(SeededRandom, StaysBelowAndReachesEverything) {
    for (const std::uint64_t n : {1U, 2U, 3U, 7U, 10U}) {
        SeededRandom random(n);
        std::vector<unsigned> seen(n);
        for (unsigned draw = 0; draw < 1000 * n; ++draw) ++seen.at(random.below(n));
        for (const unsigned count : seen) {  // five standard deviations
            EXPECT_GT(count, 840U) << n;
            EXPECT_LT(count, 1160U) << n;
        }
    }
}

TEST(Random, BitsFillTheirWidth) {
    SeededRandom random(3);
    for (unsigned width = 1; width <= 64; ++width) {
        std::uint64_t any = 0;
        for (int draw = 0; draw < 200; ++draw) any |= random.bits(width);
        EXPECT_EQ(any, ~std::uint64_t{0} >> (64 - width)) << width;
    }
}

TEST(RandomDeathTest, OfNothingIsRefused) {
    SeededRandom random(1);
    EXPECT_DEATH(random.below(0), "CHECK");
}

}  // namespace
}  // namespace diskpaxos
