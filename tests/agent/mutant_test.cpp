// The test of crashes must be able to fail: it sees an agent that answers before it is durable.
#include <gtest/gtest.h>

#include "agent/life.hpp"
#include "base/mutant.hpp"

namespace diskpaxos::agent {
namespace {

std::string first_complaint(Mutant mutant) {
    active_mutant = mutant;
    std::string complaint;
    for (std::uint64_t seed = 1; seed <= 50 && complaint.empty(); ++seed) {
        Knowledge knowledge;
        SeededRandom random(seed);
        Life life(seed, created(small_store(512)), knowledge);
        life.open();
        life.start_clients(4);
        life.run_some(random.below(3000));
        Life after(seed, life.disk.cut(CrashDisk::Fate::drawn, random), knowledge);
        if (after.open()) after.compare();
        complaint = after.complaint();
    }
    active_mutant = Mutant::none;
    return complaint;
}

TEST(StoreMutant, AnswerBeforeDurableIsCaught) {
    EXPECT_EQ(first_complaint(Mutant::none), "");
    EXPECT_TRUE(first_complaint(Mutant::answer_before_durable).ends_with("was lost"));
}

}  // namespace
}  // namespace diskpaxos::agent
