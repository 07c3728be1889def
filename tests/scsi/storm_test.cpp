// Any order of any fates: what was answered is true, and stays so.
#include "storm.hpp"

#include <gtest/gtest.h>

namespace diskpaxos::scsi {
namespace {

TEST(StormTest, WhatWasAnsweredIsTrue) {
    StormReport all;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const StormReport report = storm(seed);
        ASSERT_EQ(report.fault, "") << "seed " << seed;
        all.done += report.done;
        all.refused += report.refused;
        all.errors += report.errors;
        all.misses += report.misses;
        all.power_cuts += report.power_cuts;
    }
    // A storm in which nothing happens proves nothing.
    EXPECT_GT(all.done, 10'000U);
    EXPECT_GT(all.refused, 1'000U);
    EXPECT_GT(all.errors, 500U);
    EXPECT_GT(all.misses, 1'000U);
    EXPECT_GT(all.power_cuts, 100U);
    RecordProperty("done", static_cast<int>(all.done));
    RecordProperty("misses", static_cast<int>(all.misses));
}

}  // namespace
}  // namespace diskpaxos::scsi
