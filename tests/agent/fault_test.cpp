// The program on a disk that fills up, fails and hangs.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "agent/agent_process.hpp"
#include "agent/client.hpp"
#include "agent/registers.hpp"
#include "fault_disks.hpp"

namespace diskpaxos::agent {
namespace {

using wire::Status;

constexpr std::size_t bytes = (std::size_t{8} + 4096 + 2) * 4096;  // 64 blocks and the journal

Rank rank(std::uint64_t round) {
    return {round, Proposer(7)};
}
Bytes value(std::uint64_t round) {
    return named_register(3, "x", rank(round));
}

class AgentFault : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!faulty.ready()) GTEST_SKIP() << faulty.problem();
        const Finished made = run_agent({"create", faulty.path(0), "--blocks", "64"});
        ASSERT_EQ(made.code, 0) << made.output;
        start();
        ASSERT_TRUE(agent->started()) << agent->log();
        TestClient maker(agent->place(), "a");
        ASSERT_EQ(maker.write(8, empty_register(3)), Status::ok);
        ASSERT_EQ(maker.step(8, rank(1), value(1)), Status::ok);
    }
    void start() {
        agent = std::make_unique<AgentProcess>(std::vector<std::string>{
            "--store", "a=" + faulty.path(0), "--unix", folder / "socket"});
    }

    FaultDisks faulty{1, bytes};
    Folder folder;
    std::unique_ptr<AgentProcess> agent;
};

TEST_F(AgentFault, AFullDiskRefusesChangesAndServesReads) {
    TestClient one(agent->place(), "a");
    TestClient two(agent->place(), "a");
    faulty.tell(0, "error w 28");  // ENOSPC
    EXPECT_EQ(one.step(8, rank(2), value(2)), Status::failed);
    EXPECT_EQ(one.step(8, rank(3), value(3)), Status::failed);
    EXPECT_EQ(two.write(8, value(9)), Status::failed);
    EXPECT_EQ(two.read(8), Status::ok);
    EXPECT_EQ(two.block, value(1));  // nothing that is not durable
    EXPECT_TRUE(agent->says("cannot be written: No space left on device"));
    faulty.tell(0, "clear");
    EXPECT_TRUE(agent->says("can be written again"));
    EXPECT_EQ(one.read(8), Status::ok);
    EXPECT_EQ(one.block, value(2));  // it may have happened, and now it has
    EXPECT_EQ(one.step(8, rank(4), value(4)), Status::ok);
    agent->signal(SIGKILL);
    agent->wait();
    start();
    TestClient again(agent->place(), "a");
    EXPECT_EQ(again.read(8), Status::ok);
    EXPECT_EQ(again.block, value(4));
}

// It has everything in its journal: nobody waits until the last write that failed cannot land any
// more.
TEST_F(AgentFault, StopsAtOnceWhenItsDiskCanBeWrittenAgain) {
    TestClient one(agent->place(), "a");
    faulty.tell(0, "error w 28");
    EXPECT_EQ(one.step(8, rank(2), value(2)), Status::failed);
    faulty.tell(0, "clear");
    EXPECT_TRUE(agent->says("can be written again"));
    EXPECT_EQ(one.step(8, rank(3), value(3)), Status::ok);
    const auto begin = std::chrono::steady_clock::now();
    agent->signal(SIGTERM);
    EXPECT_EQ(agent->wait(), 0) << agent->log();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    EXPECT_NE(agent->log().find("stays in the journal"), std::string::npos) << agent->log();
    start();
    TestClient two(agent->place(), "a");
    EXPECT_EQ(two.read(8), Status::ok);
    EXPECT_EQ(two.block, value(3));
}

// A write of a dead agent may still land: no other one serves the store before it has.
TEST_F(AgentFault, NobodySucceedsADeadAgentBeforeItsWritesHaveLanded) {
    faulty.tell(0, "hang w");
    TestClient one(agent->place(), "a");
    Bytes out;
    wire::put_step(out, one.next_id(), 8, rank(2), value(2));
    one.send(out);
    faulty.wait_until_held(0, 1);
    EXPECT_FALSE(one.receive(100));
    agent->signal(SIGKILL);
    std::thread release([this] {
        std::this_thread::sleep_for(std::chrono::seconds(4));
        faulty.tell(0, "release");
    });
    agent->wait();
    start();
    EXPECT_FALSE(agent->started());
    EXPECT_EQ(agent->wait(), 81) << agent->log();
    release.join();
    start();
    ASSERT_TRUE(agent->started()) << agent->log();
    TestClient two(agent->place(), "a");
    EXPECT_EQ(two.read(8), Status::ok);
    EXPECT_TRUE(two.block == value(1) || two.block == value(2));
    EXPECT_EQ(two.step(8, rank(3), value(3)), Status::ok);
}

}  // namespace
}  // namespace diskpaxos::agent
