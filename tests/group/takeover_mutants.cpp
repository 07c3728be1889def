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

TEST_F(TakeoverMutant, NoneOfThem) {
    EXPECT_TRUE(old_writes_end_with_the_first());
}

}  // namespace
}  // namespace diskpaxos
