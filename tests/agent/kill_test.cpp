// kill -9 of the agent under load, again and again: every step that was acknowledged is there when
// it is back, and nothing that nobody has asked for.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "agent/agent_process.hpp"
#include "agent/client.hpp"
#include "agent/registers.hpp"
#include "async/random.hpp"

namespace diskpaxos::agent {
namespace {

using wire::Status;

constexpr std::uint64_t registers = 32;
constexpr std::uint64_t clients = 24;
constexpr int lives = 20;

struct Knowledge {
    std::mutex mutex;
    std::array<Rank, registers> told{};  // the highest that was acknowledged
    std::array<std::set<Rank>, registers> asked;
    std::atomic<std::uint64_t> round = 0;
    std::atomic<std::uint64_t> answers = 0;
};

// One client: steps, one after the other, until the agent is gone.
void load(const std::string& place, std::uint64_t number, Knowledge& knowledge) {
    TestClient client(place, "a");
    SeededRandom random(number);
    while (client.welcome()) {
        const std::uint64_t which = random.below(registers);
        const Rank rank{++knowledge.round, Proposer(number + 1)};
        {
            const std::lock_guard guard(knowledge.mutex);
            knowledge.asked[which].insert(rank);
        }
        const auto cell = static_cast<std::uint32_t>(which);
        const Bytes request =
            named_register(cell, "x", rank, static_cast<std::uint8_t>(rank.round));
        const Status status = client.step(which, rank, request);
        if (status == Status::failed) return;
        ++knowledge.answers;
        if (status != Status::ok) continue;
        const std::lock_guard guard(knowledge.mutex);
        knowledge.told[which] = std::max(knowledge.told[which], rank);
    }
}

void compare(const std::string& place, Knowledge& knowledge) {
    TestClient client(place, "a");
    ASSERT_TRUE(client.welcome());
    for (std::uint64_t which = 0; which < registers; ++which) {
        ASSERT_EQ(client.read(which), Status::ok);
        const auto cell = static_cast<std::uint32_t>(which);
        const Decoded decoded = decode_block(client.block, {.kind = BlockKind::cell, .cell = cell});
        ASSERT_NE(decoded.state, BlockState::unknown) << "register " << which;
        const Rank rank = decoded.block.accepted;
        EXPECT_GE(rank, knowledge.told[which]) << "register " << which << " was lost";
        if (rank.none()) continue;
        EXPECT_TRUE(knowledge.asked[which].contains(rank)) << "register " << which;
        EXPECT_EQ(client.block,
                  named_register(cell, "x", rank, static_cast<std::uint8_t>(rank.round)));
    }
}

TEST(AgentKilled, LosesNoAcknowledgedStep) {
    const Folder folder;
    ASSERT_EQ(run_agent({"create", folder / "store", "--blocks", "64"}).code, 0);
    const std::vector<std::string> words = {"--store", "a=" + folder / "store", "--unix",
                                            folder / "socket"};
    Knowledge knowledge;
    SeededRandom random(1);
    for (int life = 0; life < lives; ++life) {
        AgentProcess agent(words);
        ASSERT_TRUE(agent.started()) << agent.log();
        if (life == 0) {
            TestClient maker(agent.place(), "a");
            for (std::uint64_t which = 0; which < registers; ++which) {
                const auto cell = static_cast<std::uint32_t>(which);
                ASSERT_EQ(maker.write(which, empty_register(cell)), Status::ok);
            }
        }
        compare(agent.place(), knowledge);
        ASSERT_FALSE(::testing::Test::HasFailure()) << "after life " << life;
        std::vector<std::thread> threads;
        for (std::uint64_t number = 0; number < clients; ++number) {
            threads.emplace_back(load, agent.place(), number, std::ref(knowledge));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + random.below(150)));
        agent.signal(SIGKILL);
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(agent.wait(), 128 + SIGKILL);
    }
    EXPECT_GT(knowledge.answers, 100U * lives);
    AgentProcess agent(words);
    compare(agent.place(), knowledge);
    agent.signal(SIGTERM);
    EXPECT_EQ(agent.wait(), 0);
    EXPECT_EQ(run_agent({"check", folder / "store"}).code, 0);
}

}  // namespace
}  // namespace diskpaxos::agent
