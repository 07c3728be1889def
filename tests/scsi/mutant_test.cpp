// The storm must be able to catch an error: one who writes after a miscompare what he computed
// before it.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "storm.hpp"

namespace diskpaxos::scsi {
namespace {

TEST(ScsiMutantTest, RetryingBlindlyIsCaught) {
    active_mutant = Mutant::caw_retried_blindly;
    std::string fault;
    std::uint64_t seed = 0;
    while (fault.empty() && seed < 50) fault = storm(++seed).fault;
    EXPECT_NE(fault, "") << "not caught in " << seed << " storms";
    active_mutant = Mutant::none;
    EXPECT_EQ(storm(seed).fault, "") << "the same storm without it";
}

}  // namespace
}  // namespace diskpaxos::scsi
