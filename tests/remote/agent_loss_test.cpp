// What becomes of requests when the agent is slow, silent or gone, or talks nonsense; and of an
// agent whose clients give up.
#include <algorithm>
#include <cerrno>
#include <functional>

#include "fake_agent.hpp"

namespace diskpaxos::remote {
namespace {

bool says(const std::string& sentence, const char* words) {
    return sentence.find(words) != std::string::npos;
}

class AgentLossTest : public testing::Test {
  protected:
    Rig rig;
    FakeAgent agent{rig};
};

TEST_F(AgentLossTest, ATimeOutEndsTheWaitingAndALateAnswerIsDropped) {
    const auto disk = must_open(rig, agent.url(), 50ms);
    agent.react = [](const Asked&) {};
    Outcome late;
    start_step(rig, *disk, 1, rank_of(1), late);
    rig.loop->run_until(late.came);
    EXPECT_EQ(late.error, ETIMEDOUT);
    EXPECT_GE(late.took, 50ms);
    EXPECT_LT(late.took, 1s);

    std::ranges::fill(agent.block(2), std::byte{2});
    agent.answer(Asked(agent.asked.front()));  // now it comes
    agent.react = [this](const Asked& one) { agent.answer(one); };
    Outcome next;
    start_read(rig, *disk, {2, 1}, next);
    rig.loop->run_until(next.came);
    EXPECT_EQ(next.error, 0);
    EXPECT_EQ(next.in, Bytes(512, std::byte{2}));
    EXPECT_EQ(agent.connections, 1U) << "pings were answered: the connection was sound";
}

TEST_F(AgentLossTest, WhatTimedOutStillCountsAtTheAgent) {
    const auto disk = must_open(rig, agent.url(), 50ms);
    agent.react = [](const Asked&) {};
    std::vector<Outcome> outcomes(10);
    for (Outcome& outcome : outcomes) start_read(rig, *disk, {1, 1}, outcome);
    for (Outcome& outcome : outcomes) {
        rig.loop->run_until(outcome.came);
        EXPECT_EQ(outcome.error, ETIMEDOUT);
    }
    EXPECT_EQ(agent.count(wire::Type::read), 8U);
}

TEST_F(AgentLossTest, AConnectionThatIsCutAnswersWhatWasOnIt) {
    const auto disk = must_open(rig, agent.url());
    agent.react = [](const Asked&) {};
    Outcome step;
    Outcome watch;
    start_step(rig, *disk, 1, rank_of(1), step);
    start_watch(rig, *disk, 1, rank_of(1), watch);
    rig.pass(10ms);
    agent.hang_up();
    rig.loop->run_until(step.came);
    EXPECT_EQ(step.error, ECONNRESET);
    EXPECT_LT(step.took, 1s);
    EXPECT_FALSE(watch.came.is_set());

    agent.react = [this](const Asked& one) { agent.answer(one); };
    Outcome again;
    start_step(rig, *disk, 1, rank_of(1), again);  // waits for the next connection
    rig.loop->run_until(again.came);
    EXPECT_EQ(again.error, 0);
    rig.loop->run_until(watch.came);
    EXPECT_EQ(watch.error, 0) << "a watch is asked anew";
    EXPECT_EQ(agent.connections, 2U);
    EXPECT_EQ(agent.count(wire::Type::watch), 2U);
    EXPECT_EQ(agent.count(wire::Type::step), 2U) << "a step is not";
}

TEST_F(AgentLossTest, ANewConnectionHasAllItsPlaces) {
    const auto disk = must_open(rig, agent.url());
    for (int round = 0; round < 3; ++round) {
        agent.asked.clear();
        agent.react = [](const Asked&) {};
        std::vector<Outcome> outcomes(8);
        for (Outcome& outcome : outcomes) start_read(rig, *disk, {1, 1}, outcome);
        rig.loop->run_until([&] { return agent.asked.size() == outcomes.size(); });
        agent.hang_up();
        for (Outcome& outcome : outcomes) {
            rig.loop->run_until(outcome.came);
            EXPECT_EQ(outcome.error, ECONNRESET);
        }
        rig.loop->run_until([&] { return disk->connected(); });
    }
}

TEST_F(AgentLossTest, WhileTheAgentIsGoneRequestsEndAtOnce) {
    const auto disk = must_open(rig, agent.url());
    agent.stop();
    rig.pass(50ms);
    EXPECT_FALSE(disk->connected());
    EXPECT_TRUE(says(disk->trouble(), "refused")) << disk->trouble();
    for (int i = 0; i < 3; ++i) {
        Outcome outcome;
        start_step(rig, *disk, 1, rank_of(1), outcome);
        rig.loop->run_until(outcome.came);
        EXPECT_EQ(outcome.error, ENOTCONN);
        EXPECT_LT(outcome.took, 100ms);
    }
    Outcome watch;
    start_watch(rig, *disk, 1, rank_of(1), watch);
    rig.pass(10ms);
    EXPECT_FALSE(watch.came.is_set());
    agent.start();
    rig.loop->run_until(watch.came);
    EXPECT_EQ(watch.error, 0);
    Outcome outcome;
    start_step(rig, *disk, 1, rank_of(1), outcome);
    rig.loop->run_until(outcome.came);
    EXPECT_EQ(outcome.error, 0);
}

Task<void> insist(Disk& disk, unsigned& refusals) {
    for (;;) {
        IoPtr io = disk.prepare(Io::Kind::read, {}, {1, 1});
        io = co_await Transfer(disk, std::move(io));
        if (io->error == 0) co_return;
        ++refusals;
    }
}

TEST_F(AgentLossTest, WhoAsksAgainAtOnceDoesNotStopTheWorld) {
    const auto disk = must_open(rig, agent.url());
    agent.stop();
    unsigned refusals = 0;
    rig.scope.spawn(insist(*disk, refusals));
    rig.pass(50ms);
    EXPECT_GT(refusals, 5U);
    agent.start();
    rig.loop->run_until(rig.scope.idle());
}

TEST_F(AgentLossTest, AnotherStoreAtThatAddressIsNotOurs) {
    const auto disk = must_open(rig, agent.url());
    agent.welcome.store[0] = std::byte{99};
    agent.hang_up();
    rig.pass(50ms);
    EXPECT_FALSE(disk->connected());
    EXPECT_TRUE(says(disk->trouble(), "another store")) << disk->trouble();
    agent.welcome.store[0] = std::byte{0};
    rig.loop->run_until([&] { return disk->connected(); });
}

// Whatever makes no sense ends the connection, and nothing of it is believed.
TEST_F(AgentLossTest, NonsenseEndsTheConnection) {
    using Nonsense = std::function<Bytes(const Asked&)>;
    const auto frame = [](const Asked& one, wire::Type type, wire::Status status, std::uint64_t id,
                          std::size_t size) {
        const Bytes body(size);
        Bytes out;
        wire::append_frame(out, {.type = type, .status = status, .id = id, .body = body});
        static_cast<void>(one);
        return out;
    };
    const std::vector<Nonsense> all = {
        [&](const Asked& one) {  // a wrong checksum
            Bytes out;
            wire::put_block(out, one.type, wire::Status::ok, one.id, agent.block(1));
            out.back() ^= std::byte{1};
            return out;
        },
        [&](const Asked& one) {  // an id that nobody has sent
            return frame(one, one.type, wire::Status::ok, one.id + 1, 512);
        },
        [&](const Asked& one) {  // the answer to something else
            return frame(one, wire::Type::read, wire::Status::ok, one.id, 512);
        },
        [&](const Asked& one) {  // no block
            return frame(one, one.type, wire::Status::ok, one.id, 511);
        },
        [&](const Asked& one) { return frame(one, one.type, wire::Status::ok, one.id, 0); },
        [&](const Asked& one) {  // a status that no step has
            return frame(one, one.type, wire::Status::version, one.id, 0);
        },
        [&](const Asked& one) {  // longer than agreed
            return frame(one, one.type, wire::Status::ok, one.id, 100'000);
        },
        [](const Asked&) { return Bytes(64, std::byte{0x55}); },
    };
    const auto disk = must_open(rig, agent.url());
    unsigned connections = 1;
    for (const Nonsense& nonsense : all) {
        agent.react = [&](const Asked& one) { agent.send(nonsense(one)); };
        Outcome outcome;
        start_step(rig, *disk, 1, rank_of(1), outcome);
        rig.loop->run_until(outcome.came);
        EXPECT_TRUE(outcome.error == ECONNRESET || outcome.error == EPROTO) << outcome.error;
        rig.loop->run_until([&] { return disk->connected(); });
        EXPECT_EQ(agent.connections, ++connections);
    }
}

TEST_F(AgentLossTest, AnAgentThatIsSilentAltogetherIsLeft) {
    const auto disk = must_open(rig, agent.url(), 60ms);
    agent.answer_pings = false;
    agent.react = [](const Asked&) {};
    Outcome watch;
    start_watch(rig, *disk, 1, rank_of(1), watch);
    rig.loop->run_until([&] { return agent.connections == 2; });
    EXPECT_GE(agent.count(wire::Type::ping), 1U);
    agent.answer_pings = true;
    agent.react = [this](const Asked& one) { agent.answer(one); };
    agent.hang_up();
    rig.loop->run_until(watch.came);
    EXPECT_EQ(watch.error, 0);
}

TEST_F(AgentLossTest, AnIdleConnectionIsKept) {
    agent.welcome.idle_ms = 90;
    const auto disk = must_open(rig, agent.url());
    rig.pass(200ms);
    EXPECT_GE(agent.count(wire::Type::ping), 4U);
    EXPECT_LE(agent.count(wire::Type::ping), 8U);
    EXPECT_EQ(agent.connections, 1U);
}

Task<void> ask(Disk& disk, Io::Kind kind) {
    IoPtr io = disk.prepare(kind, {1, 1}, {1, 1});
    io->rank = rank_of(1);
    std::ranges::copy(promise(1, rank_of(1)), io->out.bytes().begin());
    io = co_await Transfer(disk, std::move(io));
}

Task<void> watch(Disk& disk, std::uint64_t block) {
    IoPtr io = disk.prepare(Io::Kind::watch, {}, {block, 1});
    io->rank = rank_of(3);
    io = co_await Transfer(disk, std::move(io));
}

// Who watches for a while, gives up and comes again, a thousand times, asks the agent once.
TEST_F(AgentLossTest, AbandonedWatchesServeTheNext) {
    const auto disk = must_open(rig, agent.url());
    agent.react = [](const Asked&) {};
    for (int round = 0; round < 100; ++round) {
        Scope waiters(rig.loop->queue());
        for (const std::uint64_t block : {5U, 6U}) waiters.spawn(watch(*disk, block));
        rig.loop->queue().run_all();
    }
    Outcome higher;
    start_watch(rig, *disk, 5, rank_of(4), higher);
    Outcome lower;
    start_watch(rig, *disk, 6, rank_of(2), lower);
    rig.pass(5ms);
    ASSERT_EQ(agent.count(wire::Type::watch), 3U) << "one each, and one from a lower rank on";
    for (const Asked& one : std::vector(agent.asked)) agent.answer(one);
    rig.loop->run_until(higher.came);
    rig.loop->run_until(lower.came);
    EXPECT_EQ(higher.error, 0);
    EXPECT_TRUE(std::ranges::equal(higher.in, agent.block(5)));
    EXPECT_TRUE(std::ranges::equal(lower.in, agent.block(6)));
}

TEST_F(AgentLossTest, ItDiesWithRequestsUnderWay) {
    for (int round = 0; round < 4; ++round) {
        const auto disk = must_open(rig, agent.url());
        agent.react = [](const Asked&) {};
        Scope waiters(rig.loop->queue());  // frames die first, then the disk
        for (int i = 0; i < 12; ++i) waiters.spawn(ask(*disk, Io::Kind::step));
        for (int i = 0; i < 6; ++i) waiters.spawn(ask(*disk, Io::Kind::watch));
        rig.pass(2ms);
        if (round == 1) agent.hang_up();
        if (round == 2) agent.stop();
        if (round > 1) rig.pass(5ms);
        if (round == 2) agent.start();
    }
    rig.pass(5ms);
}

}  // namespace
}  // namespace diskpaxos::remote
