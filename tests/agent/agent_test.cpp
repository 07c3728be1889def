// The program as its clients see it, over UNIX sockets and TCP.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "agent/agent_fixture.hpp"
#include "agent/registers.hpp"

namespace diskpaxos::agent {
namespace {

using wire::Status;

Rank rank(std::uint64_t round) {
    return {round, Proposer(7)};
}

TEST_F(AgentTest, SaysWhatItIs) {
    start();
    const auto one = client();
    ASSERT_TRUE(one->welcome());
    EXPECT_EQ(one->welcome()->block_size, 512U);
    EXPECT_EQ(one->welcome()->blocks, 256U);
    EXPECT_EQ(client("")->welcome()->store, one->welcome()->store);
    EXPECT_EQ(client("b")->greeting(), Status::unknown_store);
    EXPECT_EQ(one->ping(), Status::ok);
}

TEST_F(AgentTest, SpeaksNoOtherVersion) {
    start();
    TestClient other(agent->place(), "", false);
    Bytes hello;
    wire::put_hello(hello, 1, {.lowest = 2, .highest = 9, .store = "a"});
    other.send(hello);
    const auto frame = other.receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->status, Status::version);
    EXPECT_TRUE(other.ended());
}

TEST_F(AgentTest, ExecutesStepsOfTwoClientsByRank) {
    start({"--listen", "127.0.0.1:0", "--allow-loopback"}, 2);
    const auto one = client();
    TestClient two(agent->place(1), "a");
    ASSERT_TRUE(two.welcome());
    ASSERT_EQ(one->write(8, empty_register(3)), Status::ok);

    EXPECT_EQ(one->step(8, rank(5), promise(3, rank(5))), Status::ok);
    EXPECT_EQ(one->block, empty_register(3));
    EXPECT_EQ(two.step(8, rank(4), promise(3, rank(4))), Status::refused);
    EXPECT_EQ(two.step(8, rank(6), named_register(3, "x", rank(6))), Status::ok);
    EXPECT_EQ(one->step(8, rank(5), named_register(3, "x", rank(5))), Status::refused);
    EXPECT_EQ(one->block, named_register(3, "x", rank(6)));
    EXPECT_EQ(two.step(8, rank(6), named_register(3, "x", rank(6))), Status::ok);  // once more
    EXPECT_EQ(two.step(8, rank(6), named_register(3, "x", rank(6), 2)), Status::conflict);
    EXPECT_EQ(two.step(9, rank(6), promise(3, rank(6))), Status::damaged);
    EXPECT_EQ(two.step(256, rank(6), promise(3, rank(6))), Status::out_of_range);
    EXPECT_EQ(one->read(8), Status::ok);
    EXPECT_EQ(one->block, named_register(3, "x", rank(6)));
    EXPECT_EQ(one->read(256), Status::out_of_range);
}

// In whatever order they are executed, the highest rank is there in the end, and each client knows
// whether it has been before the others.
TEST_F(AgentTest, ManyStepsInFlightFromManyClients) {
    start();
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(client());
    ASSERT_EQ(clients[0]->write(8, empty_register(3)), Status::ok);
    for (std::uint64_t round = 1; round <= 50; ++round) {
        for (std::uint64_t i = 0; i < clients.size(); ++i) {
            Bytes out;
            const Rank mine{round, Proposer(i + 1)};
            wire::put_step(out, clients[i]->next_id(), 8, mine,
                           named_register(3, "x", mine, static_cast<std::uint8_t>(i)));
            clients[i]->send(out);
        }
    }
    unsigned done = 0;
    for (auto& one : clients) {
        for (int i = 0; i < 50; ++i) {
            const auto frame = one->receive();
            ASSERT_TRUE(frame);
            ASSERT_TRUE(frame->status == Status::ok || frame->status == Status::refused);
            done += frame->status == Status::ok;
        }
    }
    EXPECT_GE(done, 50U);
    const Rank last{50, Proposer(8)};
    EXPECT_EQ(clients[0]->read(8), Status::ok);
    EXPECT_EQ(clients[0]->block, named_register(3, "x", last, 7));
}

TEST_F(AgentTest, TellsWatchersOfChanges) {
    start();
    const auto writer = client();
    const auto watcher = client();
    ASSERT_EQ(writer->write(8, empty_register(3)), Status::ok);
    Bytes out;
    wire::put_watch(out, 77, 8, {});
    wire::put_watch(out, 78, 8, rank(5));
    watcher->send(out);
    EXPECT_FALSE(watcher->receive(50));
    EXPECT_EQ(writer->step(8, rank(5), named_register(3, "x", rank(5))), Status::ok);
    auto frame = watcher->receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->id, 77U);
    EXPECT_EQ(frame->status, Status::ok);
    EXPECT_FALSE(watcher->receive(50));
    EXPECT_EQ(writer->step(8, rank(6), named_register(3, "x", rank(6))), Status::ok);
    frame = watcher->receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->id, 78U);
    out.clear();
    wire::put_watch(out, 79, 8, rank(5));  // that was long ago
    wire::put_watch(out, 80, 9, rank(5));  // and this is no register
    watcher->send(out);
    EXPECT_EQ(watcher->receive()->id, 79U);
    frame = watcher->receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->status, Status::damaged);
}

TEST_F(AgentTest, ListsNamedRegisters) {
    start();
    const auto one = client();
    for (std::uint32_t i = 0; i < 20; ++i) {
        ASSERT_EQ(one->write(100 + i, named_register(i, "n" + std::to_string(i), rank(1))),
                  Status::ok);
    }
    ASSERT_EQ(one->write(50, empty_register(30)), Status::ok);
    Bytes out;
    wire::put_list(out, 5, {0, 1000});
    one->send(out);
    const auto frame = one->receive();
    ASSERT_TRUE(frame);
    const auto listed = wire::get_listed(frame->body);
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->next, 0U);
    ASSERT_EQ(listed->registers.size(), 20U);
    EXPECT_EQ(listed->registers[3], (wire::Named{103, "n3"}));
}

TEST_F(AgentTest, EndsWhoSendsNonsenseAndServesOthers) {
    start();
    const auto good = client();
    const auto ends = [&](const Bytes& bytes, bool after_hello) {
        TestClient bad(agent->place(), "a", after_hello);
        bad.send(bytes);
        const bool ended = bad.ended();
        return ended && good->ping() == Status::ok;
    };
    EXPECT_TRUE(ends(Bytes(100, std::byte{'x'}), false));
    EXPECT_TRUE(ends(Bytes(100, std::byte{'x'}), true));
    Bytes frame;
    wire::put_ping(frame, 1);
    EXPECT_TRUE(ends(frame, false));  // not the first
    Bytes wrong = frame;
    wrong[8] ^= std::byte{1};
    EXPECT_TRUE(ends(wrong, true));  // checksum
    Bytes hello;
    wire::put_hello(hello, 1, {.store = "a"});
    EXPECT_TRUE(ends(hello, true));  // a second one
    Bytes answer;
    wire::put_status(answer, wire::Type::ping, Status::refused, 1);
    EXPECT_TRUE(ends(answer, true));  // an answer
    Bytes vast;
    const std::size_t at = wire::begin_frame(vast, wire::Type::write, Status::ok, 1);
    vast.resize(vast.size() + 100'000);
    wire::end_frame(vast, at);
    EXPECT_TRUE(ends(vast, true));
    Bytes badly;
    wire::put_step(badly, 1, 8, rank(1), Bytes(512));  // a request that is no block
    EXPECT_TRUE(ends(badly, true));
    Bytes much;
    wire::put_read(much, 1, {0, 200});
    EXPECT_TRUE(ends(much, true));  // more than the largest body
    EXPECT_TRUE(agent->says("longer than agreed"));
}

TEST_F(AgentTest, KeepsItsLimits) {
    start({"--connections", "3"});
    const auto one = client();
    ASSERT_EQ(one->write(8, empty_register(3)), Status::ok);
    Bytes out;
    const std::uint32_t watches = one->welcome()->watches;
    for (std::uint32_t i = 0; i <= watches; ++i) wire::put_watch(out, i + 1, 8, rank(9));
    one->send(out);
    auto frame = one->receive();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->status, Status::full);
    EXPECT_EQ(frame->id, watches + 1);

    const std::uint32_t requests = one->welcome()->requests;
    out.clear();
    for (std::uint32_t i = 1; i <= 2 * requests; ++i) {
        wire::put_step(out, 10'000 + i, 8, {i, Proposer(1)}, promise(3, {i, Proposer(1)}));
    }
    one->send(out);
    unsigned done = 0;
    unsigned limited = 0;
    for (std::uint32_t i = 0; i < 2 * requests; ++i) {
        frame = one->receive();
        ASSERT_TRUE(frame);
        done += frame->status == Status::ok;
        limited += frame->status == Status::limit;
    }
    EXPECT_GE(done, requests);
    EXPECT_EQ(done + limited, 2 * requests);

    const auto two = client();
    const auto three = client();
    EXPECT_TRUE(three->welcome());
    TestClient four(agent->place(), "a");
    EXPECT_FALSE(four.welcome());
    EXPECT_TRUE(agent->says("limit: " + me() + " has 3 connections; one more was refused"));
    EXPECT_EQ(two->ping(), Status::ok);
}

// It asks and asks and never reads: it waits, while others do not.
TEST_F(AgentTest, OneWhoDoesNotReadStopsNobody) {
    start();
    const auto good = client();
    TestClient greedy(agent->place(), "a");
    Bytes out;
    for (int i = 0; i < 400; ++i) wire::put_read(out, 9, {0, 100});
    greedy.send(out);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(good->ping(), Status::ok);
    int answers = 0;
    while (greedy.receive(500)) ++answers;
    EXPECT_EQ(answers, 400);  // none is lost once it reads
}

TEST_F(AgentTest, StopsCleanly) {
    start();
    const auto one = client();
    ASSERT_EQ(one->write(8, named_register(3, "x", rank(2))), Status::ok);
    agent->signal(SIGTERM);
    EXPECT_EQ(agent->wait(), 0) << agent->log();
    EXPECT_FALSE(std::ifstream(folder / "socket"));
    const Finished checked = run_agent({"check", folder / "store"});
    EXPECT_EQ(checked.code, 0);
    EXPECT_NE(checked.output.find("1 written (1 of them registers with a name), 0 initial, 255 "
                                  "blank, 0 damaged; 0 batches"),
              std::string::npos)
        << checked.output;
    start();
    EXPECT_EQ(client()->read(8), Status::ok);
}

TEST_F(AgentTest, OneAgentPerStore) {
    start();
    AgentProcess second({"--store", "a=" + folder / "store", "--unix", folder / "other"});
    EXPECT_FALSE(second.started());
    EXPECT_EQ(second.wait(), 81);
    EXPECT_NE(second.log().find("in_use: "), std::string::npos) << second.log();
    EXPECT_EQ(run_agent({"check", folder / "store"}).code, 81);
    EXPECT_EQ(run_agent({"create", folder / "store", "--force", "--blocks", "256"}).code, 81);
}

TEST_F(AgentTest, RefusesWhatMakesNoSense) {
    struct Case {
        std::vector<std::string> words;
        int code;
        std::string says;
    };
    std::ofstream(folder / "text") << std::string(100'000, 'x');
    const std::vector<Case> cases = {
        {{}, 64, "usage: no verb"},
        {{"dance"}, 64, "usage: there is no verb \"dance\"; see \"diskpaxos-agent help\""},
        {{"sevre"}, 64, "there is no verb \"sevre\"; did you mean \"serve\"?"},
        {{"serve", "--stroe", "a=b"}, 64, "serve has no option --stroe; did you mean \"--store\"?"},
        {{"serve", "--frob"}, 64, "see \"diskpaxos-agent help serve\""},
        {{"serve", "a=b"}, 64, "too many arguments; it is: diskpaxos-agent serve --store"},
        {{"create"}, 64, "usage: missing arguments; it is: diskpaxos-agent create PATH"},
        {{"create", folder / "new", "--blocks", "0"}, 64, "usage: --blocks is \"0\""},
        {{"create", folder / "new", "--block-size", "1024"}, 64, "usage: --block-size cannot be \"1024\"; it is one of: 512 4096"},
        {{"create", folder / "store", "--blocks", "256"},
         1,
         "holds a store of diskpaxos-agent; nothing was written"},
        {{"create", folder / "none/x"}, 69, "cannot be created"},
        {{"create", folder / "text", "--force"}, 65, "too small"},
        {{"check", folder / "text"}, 65, "there is no store on it"},
        {{"check", folder / "none"}, 69, "there is no such disk or file"},
        {{"serve"}, 64, "no store is named"},
        {{"serve", "--store", "a=" + folder / "store"}, 64, "nowhere to listen"},
        {{"serve", "--store", "a", "--unix", folder / "s"}, 64, "it is NAME=PATH"},
        {{"serve", "--store", "a=b", "--unix", "s"}, 64, "usage: "},
        {{"serve", "--store", "a=b", "--listen", "127.0.0.1:0"}, 64, "--allow-loopback"},
        {{"serve", "--store", "a=b", "--listen", "0.0.0.0:0"}, 64, "TLS is needed"},
        {{"serve", "--store", "a=b", "--listen", "0.0.0.0:0", "--cert", "x"},
         64,
         "belong together"},
        {{"serve", "--store", "a=" + folder / "text", "--unix", folder / "s"},
         65,
         "no store on it"},
        {{"serve", "--store", "a=b", "--unix", folder / "s", "--access", "/none"},
         64,
         "the access file /none cannot be read: No such file"},
        {{"serve", "--store", "a=b", "--unix", folder / "s", "--connections", "-1"},
         64,
         "it must be a number from 1 to 1000000"},
        {{"serve", "--store", "a=b", "--unix", folder / "s", "--connections", "0"},
         64,
         "it must be a number from 1 to 1000000"},
        {{"serve", "--store", "a=b", "--unix", folder / "s", "--connections", "4294967296"},
         64,
         "it must be a number from 1 to 1000000"},
        {{"--version"}, 0, "diskpaxos-agent "},
        {{"--help"}, 0, "usage: diskpaxos-agent VERB"},
        {{"-h"}, 0, "make an empty store"},
        {{"serve", "--help"}, 0, "\n      --allow-loopback     plain TCP on loopback"},
        {{"help", "serve"}, 0, "\n      --allow-loopback     plain TCP on loopback"},
        {{"help", "create"}, 0, "diskpaxos-agent create PATH\n"},
        {{"help", "frob"}, 64, "there is no verb \"frob\""},
    };
    for (const Case& c : cases) {
        const Finished run = run_agent(c.words);
        EXPECT_EQ(run.code, c.code) << run.output;
        EXPECT_NE(run.output.find(c.says), std::string::npos) << run.output << "\nnot: " << c.says;
    }
    EXPECT_FALSE(std::ifstream(folder / "new"));
}

}  // namespace
}  // namespace diskpaxos::agent
