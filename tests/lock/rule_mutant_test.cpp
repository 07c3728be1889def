// The rules of rules.hpp, each of them broken: the play must notice.
#include "base/mutant.hpp"
#include "lock/rules.hpp"

namespace diskpaxos {
namespace {

class RuleMutant : public Rules {
  protected:
    void TearDown() override { active_mutant = Mutant::none; }
};

TEST_F(RuleMutant, JudgeByCompletion) {
    active_mutant = Mutant::judge_by_completion;
    EXPECT_FALSE(an_early_look_convicts_nobody());
}
TEST_F(RuleMutant, ObserveFromIssue) {
    active_mutant = Mutant::observe_from_issue;
    EXPECT_FALSE(silence_counts_from_completion());
}
TEST_F(RuleMutant, LeaseFromAck) {
    active_mutant = Mutant::lease_from_ack;
    EXPECT_FALSE(a_lease_counts_from_its_start());
}
TEST_F(RuleMutant, ObserveTooShort) {
    active_mutant = Mutant::observe_too_short;
    EXPECT_FALSE(silence_is_watched_for_all_of_t());
}
TEST_F(RuleMutant, TrustHoldersClock) {
    active_mutant = Mutant::trust_holders_clock;
    EXPECT_FALSE(silence_is_watched_for_all_of_t());
}
TEST_F(RuleMutant, ObserveOwnTtl) {
    active_mutant = Mutant::observe_own_ttl;
    EXPECT_FALSE(silence_is_watched_for_all_of_t());
}
TEST_F(RuleMutant, NoteByBegin) {
    active_mutant = Mutant::note_by_begin;
    EXPECT_FALSE(a_note_counts_from_completion());
}
TEST_F(RuleMutant, NoteOfAnyBeat) {
    active_mutant = Mutant::note_of_any_beat;
    EXPECT_FALSE(a_note_of_another_beat_convicts_nobody());
}
TEST_F(RuleMutant, TwinUnwatched) {
    active_mutant = Mutant::twin_unwatched;
    EXPECT_FALSE(a_twin_is_noticed());
}
TEST_F(RuleMutant, EvictUnconditionally) {
    active_mutant = Mutant::evict_unconditionally;
    EXPECT_FALSE(a_renewal_beats_the_eviction());
}

}  // namespace
}  // namespace diskpaxos
