// The store on a disk whose power is cut at every moment, again and again.
#include <gtest/gtest.h>

#include "agent/life.hpp"

namespace diskpaxos::agent {
namespace {

class Crash : public ::testing::TestWithParam<std::uint32_t> {};

// At every write of a run that goes round the journal several times: before anything of what is in
// flight has landed, after all of it, and with some of it torn.
TEST_P(Crash, LosesNothingAtAnyWrite) {
    const Bytes empty = created(small_store(GetParam()));
    for (std::uint64_t write = 0;; ++write) {
        Knowledge knowledge;
        Life life(5, empty, knowledge);
        life.disk.patience = 30;
        ASSERT_TRUE(life.open()) << life.complaint();
        life.start_clients(6);
        if (!life.run_until_write(write)) {
            EXPECT_GT(write, 100U);
            EXPECT_GT(life.store->counts().checkpoints, 3U);
            break;
        }
        SeededRandom random(write);
        life.run_some(random.below(20));
        for (int variant = 0; variant < 6; ++variant) {
            const auto fate = variant == 0   ? CrashDisk::Fate::nothing
                              : variant == 1 ? CrashDisk::Fate::all
                                             : CrashDisk::Fate::drawn;
            Life after(write, life.disk.cut(fate, random), knowledge);
            if (after.open()) after.compare();
            ASSERT_EQ(after.complaint(), "") << "after write " << write << ", variant " << variant;
        }
    }
}

// Lives that follow each other, each cut short at a moment that is drawn.
TEST_P(Crash, LosesNothingInManyLives) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Bytes media = created(small_store(GetParam()));
        Knowledge knowledge;
        SeededRandom random(seed);
        for (int number = 0; number < 40; ++number) {
            Life life(random.below(1'000'000), media, knowledge);
            if (life.open()) life.compare();
            ASSERT_EQ(life.complaint(), "") << "seed " << seed << ", life " << number;
            life.disk.patience = random.one_in(2) ? 1 : 50;
            life.start_clients(1 + random.below(8));
            life.run_some(random.below(3000));
            ASSERT_EQ(life.complaint(), "") << "seed " << seed << ", life " << number;
            media = life.disk.cut(CrashDisk::Fate::drawn, random);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, Crash, ::testing::Values(512, 4096));

}  // namespace
}  // namespace diskpaxos::agent
