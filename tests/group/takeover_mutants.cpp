// The rules of takeover.hpp, broken: the play must notice.
#include "base/mutant.hpp"
#include "group/takeover.hpp"

namespace diskpaxos {
namespace {

class TakeoverMutant : public Takeover {
  protected:
    void TearDown() override { active_mutant = Mutant::none; }
};

TEST_F(TakeoverMutant, ForeignOverwritten) {
    active_mutant = Mutant::foreign_overwritten;
    EXPECT_FALSE(old_writes_end_with_the_first());
}

TEST_F(TakeoverMutant, MarkNotLooked) {
    active_mutant = Mutant::mark_not_looked;
    const auto [first, second] = two_at_once();
    EXPECT_TRUE(first && second) << "both say that the disks are their group's";
}

TEST_F(TakeoverMutant, HealedUnasked) {
    active_mutant = Mutant::healed_unasked;
    EXPECT_GT(healed_while_it_is_retired().second, 0U);
}

TEST_F(TakeoverMutant, NoneOfThem) {
    EXPECT_TRUE(old_writes_end_with_the_first());
}

}  // namespace
}  // namespace diskpaxos
