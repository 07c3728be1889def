// Rules of what became of a change (algorithms.md 4.2), broken one by one: the play of each tells it wrong.
#include "base/mutant.hpp"
#include "lineage_plays.hpp"

namespace diskpaxos {
namespace {

class LineageMutants : public InTheLineage {
  protected:
    ~LineageMutants() override { active_mutant = Mutant::none; }
};

TEST_F(LineageMutants, ResultOfAnotherAttempt) {
    active_mutant = Mutant::result_of_another_attempt;
    EXPECT_EQ(told_of_two_attempts(), "xqm") << "which was never so";
}

TEST_F(LineageMutants, CarriedIsOnly) {
    active_mutant = Mutant::carried_is_only;
    EXPECT_EQ(told_of_a_carried_attempt(), "xmm") << "twice";
}

TEST_F(LineageMutants, CeilingIsFinal) {
    active_mutant = Mutant::ceiling_is_final;
    EXPECT_EQ(told_of_a_barred_attempt(), "xmm") << "twice";
}

}  // namespace
}  // namespace diskpaxos
