// The rules of late.hpp and mend.hpp, broken: the plays must notice.
#include <gtest/gtest.h>

#include "base/mutant.hpp"
#include "late.hpp"
#include "mend.hpp"

namespace diskpaxos {
namespace {

TEST(LateMutant, LateDiskCounted) {
    active_mutant = Mutant::late_disk_counted;
    EXPECT_FALSE(Late().a_phase_ends_with_the_disks_that_it_began_with());
    active_mutant = Mutant::none;
}

TEST(MendMutant, MendedAfterVisit) {
    active_mutant = Mutant::mended_after_visit;
    EXPECT_FALSE(MendPlay().a_visit_is_not_undone());
    active_mutant = Mutant::none;
}

}  // namespace
}  // namespace diskpaxos
