// The rule of late.hpp, broken: the play must notice.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "late.hpp"

namespace diskpaxos {
namespace {

TEST(LateMutant, LateDiskCounted) {
    active_mutant = Mutant::late_disk_counted;
    EXPECT_FALSE(Late().a_phase_ends_with_the_disks_that_it_began_with());
    active_mutant = Mutant::none;
}

}  // namespace
}  // namespace diskpaxos
