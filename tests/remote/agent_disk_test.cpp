// The disk of an agent: how requests go there, and what the answers mean.
#include <algorithm>
#include <cerrno>

#include "fake_agent.hpp"

namespace diskpaxos::remote {
namespace {

bool says(const std::string& sentence, const char* words) {
    return sentence.find(words) != std::string::npos;
}

class AgentDiskTest : public testing::Test {
  protected:
    Rig rig;
    FakeAgent agent{rig};
};

TEST_F(AgentDiskTest, HelloTellsWhatDiskItIs) {
    agent.welcome.store = {std::byte{1}, std::byte{2}};
    const auto disk = must_open(rig, agent.url("alpha"));
    EXPECT_EQ(agent.greeted, "alpha");
    EXPECT_EQ(disk->block_size(), 512U);
    EXPECT_EQ(disk->blocks(), 1024U);
    EXPECT_EQ(disk->name(), agent.url("alpha"));
    EXPECT_EQ(disk->store(), agent.welcome.store);
    EXPECT_TRUE(disk->active());
    EXPECT_TRUE(disk->use_block_size(512));
    EXPECT_FALSE(disk->use_block_size(4096));
}

// Nobody has asked: the agent says that they are others now, where both know that it may.
TEST_F(AgentDiskTest, RightsThatHaveChangedAreThoseThatCount) {
    const auto told = [](std::uint64_t what, const char* prefix) {
        Bytes out;
        wire::ListWriter list(out, wire::unasked, wire::Type::rights);
        list.add(what, prefix);
        list.end(0);
        return out;
    };
    agent.welcome.features = wire::feature_rights;
    const auto disk = must_open(rig, agent.url());
    EXPECT_EQ(agent.features, wire::known_features);
    EXPECT_TRUE(disk->lets(Right::read, "a/x"));
    EXPECT_TRUE(disk->lets(Right::write, "b/x"));
    agent.send(told(wire::may_write, "b/"));
    rig.pass(20ms);
    EXPECT_FALSE(disk->lets(Right::read, "a/x"));
    EXPECT_TRUE(disk->lets(Right::write, "b/x"));
    EXPECT_FALSE(disk->lets(Right::write, "a/x"));
    EXPECT_EQ(agent.connections, 1U);

    agent.welcome.features = 0;  // an agent that says what was not agreed on is not believed
    agent.hang_up();
    rig.pass(100ms);
    ASSERT_TRUE(disk->connected());
    EXPECT_TRUE(disk->lets(Right::read, "a/x"));
    agent.send(told(wire::may_write, "b/"));
    rig.pass(200ms);
    EXPECT_TRUE(disk->lets(Right::read, "a/x"));
    EXPECT_EQ(agent.connections, 3U);
}

TEST_F(AgentDiskTest, EveryKindOfRequestGoesThereAndBack) {
    const auto disk = must_open(rig, agent.url());
    Outcome wrote;
    start_write(rig, *disk, {3, 2}, std::byte{9}, wrote);
    rig.loop->run_until(wrote.came);
    EXPECT_EQ(wrote.error, 0);
    EXPECT_TRUE(wrote.wrote);
    Outcome read;
    start_read(rig, *disk, {2, 4}, read);
    rig.loop->run_until(read.came);
    EXPECT_EQ(read.error, 0);
    EXPECT_FALSE(read.wrote);
    EXPECT_TRUE(std::ranges::equal(read.in, ByteView(agent.memory).subspan(1024, 2048)));

    const Bytes initial(agent.block(7).begin(), agent.block(7).end());
    Outcome stepped;
    start_step(rig, *disk, 7, rank_of(5), stepped);
    rig.loop->run_until(stepped.came);
    EXPECT_EQ(stepped.error, 0);
    EXPECT_EQ(stepped.verdict, StepVerdict::done);
    EXPECT_TRUE(stepped.wrote);
    EXPECT_EQ(stepped.in, initial) << "as it stood before, filled in again";

    Outcome refused;
    start_step(rig, *disk, 7, rank_of(4), refused);
    rig.loop->run_until(refused.came);
    EXPECT_EQ(refused.error, 0);
    EXPECT_EQ(refused.verdict, StepVerdict::refused);
    EXPECT_FALSE(refused.wrote);
    EXPECT_TRUE(std::ranges::equal(refused.in, agent.block(7)));

    std::ranges::fill(agent.block(8), std::byte{0x5a});
    Outcome damaged;
    start_step(rig, *disk, 8, rank_of(4), damaged);
    rig.loop->run_until(damaged.came);
    EXPECT_EQ(damaged.error, 0);
    EXPECT_EQ(damaged.verdict, StepVerdict::damaged);
    EXPECT_TRUE(std::ranges::equal(damaged.in, agent.block(8)));

    Outcome watched;
    start_watch(rig, *disk, 7, rank_of(1), watched);
    rig.loop->run_until(watched.came);
    EXPECT_EQ(watched.error, 0);
    EXPECT_TRUE(std::ranges::equal(watched.in, agent.block(7)));
}

TEST_F(AgentDiskTest, LongReadsAndWritesGoInPieces) {
    const auto disk = must_open(rig, agent.url());  // 16 blocks at a time
    Outcome wrote;
    start_write(rig, *disk, {100, 50}, std::byte{3}, wrote);
    rig.loop->run_until(wrote.came);
    EXPECT_EQ(wrote.error, 0);
    EXPECT_EQ(agent.count(wire::Type::write), 4U);
    const ByteView there = ByteView(agent.memory).subspan(100 * 512, 50 * 512);
    EXPECT_TRUE(std::ranges::all_of(there, [](std::byte b) { return b == std::byte{3}; }));
    EXPECT_EQ(inspect_checksum(agent.block(99)), Damage::none);
    EXPECT_EQ(inspect_checksum(agent.block(150)), Damage::none);
    Outcome read;
    start_read(rig, *disk, {90, 70}, read);
    rig.loop->run_until(read.came);
    EXPECT_EQ(read.error, 0);
    EXPECT_TRUE(std::ranges::equal(read.in, ByteView(agent.memory).subspan(90 * 512, 70 * 512)));
    EXPECT_EQ(agent.count(wire::Type::read), 5U);
}

TEST_F(AgentDiskTest, AnswersMayComeInAnyOrder) {
    const auto disk = must_open(rig, agent.url());
    agent.react = [this](const Asked&) {
        if (agent.asked.size() < 5) return;
        for (std::size_t i = 5; i-- > 0;) agent.answer(agent.asked[i]);
    };
    std::vector<Outcome> outcomes(5);
    for (std::uint64_t i = 0; i < 5; ++i) {
        std::ranges::fill(agent.block(i), static_cast<std::byte>(i));
        start_read(rig, *disk, {i, 1}, outcomes[i]);
    }
    for (std::uint64_t i = 0; i < 5; ++i) {
        rig.loop->run_until(outcomes[i].came);
        EXPECT_EQ(outcomes[i].in, Bytes(512, static_cast<std::byte>(i)));
    }
}

TEST_F(AgentDiskTest, NoMoreAreInFlightThanTheAgentAgreedTo) {
    const auto disk = must_open(rig, agent.url());
    agent.react = [](const Asked&) {};
    std::vector<Outcome> outcomes(20);
    for (Outcome& outcome : outcomes) start_read(rig, *disk, {1, 1}, outcome);
    std::vector<Outcome> watches(6);
    for (Outcome& outcome : watches) start_watch(rig, *disk, 1, rank_of(1), outcome);
    rig.pass(20ms);
    EXPECT_EQ(agent.count(wire::Type::read), 8U);
    EXPECT_EQ(agent.count(wire::Type::watch), 4U);
    agent.react = [this](const Asked& one) { agent.answer(one); };
    for (const Asked& one : std::vector(agent.asked)) agent.answer(one);
    for (Outcome& outcome : outcomes) rig.loop->run_until(outcome.came);
    for (Outcome& outcome : watches) rig.loop->run_until(outcome.came);
    EXPECT_EQ(agent.count(wire::Type::read), 20U);
    EXPECT_EQ(agent.count(wire::Type::watch), 6U);
}

TEST_F(AgentDiskTest, RefusalsAreErrors) {
    const auto disk = must_open(rig, agent.url());
    const std::pair<wire::Status, int> rows[] = {{wire::Status::forbidden, EACCES},
                                                 {wire::Status::full, EBUSY},
                                                 {wire::Status::failed, EIO},
                                                 {wire::Status::out_of_range, ERANGE}};
    for (const auto& [status, error] : rows) {
        agent.react = [this, status = status](const Asked& one) { agent.answer(one, status); };
        Outcome step;
        Outcome watch;
        Outcome read;
        start_step(rig, *disk, 1, rank_of(1), step);
        start_watch(rig, *disk, 1, rank_of(1), watch);
        start_read(rig, *disk, {1, 1}, read);
        for (Outcome* outcome : {&step, &watch, &read}) {
            rig.loop->run_until(outcome->came);
            EXPECT_EQ(outcome->error, error);
            EXPECT_FALSE(outcome->wrote);
        }
    }
    EXPECT_EQ(agent.connections, 1U);
}

TEST_F(AgentDiskTest, AnAgentWithoutRoomIsAskedAgain) {
    auto disk = must_open(rig, agent.url());
    agent.react = [this](const Asked& one) {
        if (agent.asked.size() < 4) return agent.answer(one, wire::Status::limit);
        agent.answer(one);
    };
    Outcome outcome;
    start_step(rig, *disk, 1, rank_of(1), outcome);
    rig.loop->run_until(outcome.came);
    EXPECT_EQ(outcome.error, 0);
    EXPECT_EQ(agent.asked.size(), 4U);
    EXPECT_GE(outcome.took, 30ms);

    disk.reset();
    const auto impatient = must_open(rig, agent.url(), 50ms);
    agent.react = [this](const Asked& one) { agent.answer(one, wire::Status::limit); };
    Outcome busy;
    start_step(rig, *impatient, 1, rank_of(1), busy);
    rig.loop->run_until(busy.came);
    EXPECT_EQ(busy.error, EBUSY);
}

TEST_F(AgentDiskTest, WhatCannotBeOpenedSaysWhy) {
    struct Row {
        wire::Status status;
        Code code;
        const char* words;
    };
    const Row rows[] = {{wire::Status::unknown_store, Code::usage, "no store of the name alpha"},
                        {wire::Status::forbidden, Code::permission, "does not let us"},
                        {wire::Status::version, Code::io, "version"},
                        {wire::Status::limit, Code::no_slot, "as many connections"}};
    for (const Row& row : rows) {
        agent.hello = row.status;
        Opened opened;
        open(rig, agent.url("alpha"), 1s, opened);
        ASSERT_FALSE(opened.disk.has_value());
        EXPECT_EQ(opened.disk.error().code, row.code);
        EXPECT_TRUE(says(opened.disk.error().sentence, row.words)) << opened.disk.error().sentence;
        EXPECT_TRUE(opened.disk.error().sentence.starts_with(agent.url("alpha") + ": "));
    }
    agent.stop();
    Opened opened;
    open(rig, agent.url(), 1s, opened);
    ASSERT_FALSE(opened.disk.has_value());
    EXPECT_EQ(opened.disk.error().code, Code::io);
    EXPECT_TRUE(says(opened.disk.error().sentence, "Connection refused"));
}

TEST_F(AgentDiskTest, AnAgentThatDoesNotAnswerHelloIsNotWaitedForForEver) {
    auto listener = net::Listener::open(
        *rig.loop, net::resolve(*net::parse_address("127.0.0.1:0", 0))->front());
    Opened opened;
    open(rig, "agent://" + net::describe((*listener)->endpoint()) + "/s", 50ms, opened);
    ASSERT_FALSE(opened.disk.has_value());
    EXPECT_TRUE(says(opened.disk.error().sentence, "too long")) << opened.disk.error().sentence;
}

}  // namespace
}  // namespace diskpaxos::remote
