// The tests of the agent must be able to fail: of crashes, if it answers before it is durable; and
// of clients that may not format, if one writes at the rank that another one was promised.
#include <gtest/gtest.h>

#include "agent/life.hpp"
#include "agent/registers.hpp"
#include "base/mutant.hpp"
#include "disk-agent/promisers.hpp"

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

// One agent, and what clients that may not format ask of it.
class Member {
  public:
    Member() : life_(1, created(small_store(512)), knowledge_), promisers_(stepped_blocks) {
        CHECK(life_.open());
        life_.store->write(0, empty_register(0));
    }
    void ask(const Bytes& request, Rank rank, std::string_view client) {
        Store& store = *life_.store;
        CHECK(hold_back(store, promisers_, 0, request, rank, client));
        const bool done = store.step(0, request, rank, before_).verdict == StepVerdict::done;
        if (done && shown().accepted.none()) promisers_.made(0, client);
    }
    Block shown() { return decode_block(life_.store->pending(0), {.kind = BlockKind::cell}).block; }

  private:
    Knowledge knowledge_;
    Life life_;
    Promisers promisers_;
    Bytes before_ = Bytes(512);
};

// agent-A1: "web" was promised a rank on both; "app" writes at it where "web" has not yet.
bool one_value_at_a_rank() {
    const Rank rank{5, Proposer::of(0, 1)};
    Member first, second;
    for (Member* member : {&first, &second}) member->ask(promise(0, rank), rank, "web");
    first.ask(named_register(0, "x", rank, 1), rank, "web");
    second.ask(named_register(0, "x", rank, 2), rank, "app");
    const Block one = first.shown(), other = second.shown();
    CHECK(one.accepted == rank);
    return other.accepted != rank || std::ranges::equal(one.value, other.value);
}

TEST(RightsMutant, APromiseOfAnotherIsCaught) {
    EXPECT_TRUE(one_value_at_a_rank());
    active_mutant = Mutant::promise_of_another;
    EXPECT_FALSE(one_value_at_a_rank());
    active_mutant = Mutant::none;
}

}  // namespace
}  // namespace diskpaxos::agent
