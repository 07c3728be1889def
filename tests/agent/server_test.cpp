// The server inside this program, with limits that a test can wait for. Clients are in threads.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "agent/agent_process.hpp"
#include "agent/client.hpp"
#include "disk-agent/drive.hpp"
#include "disk-agent/server.hpp"
#include "io/backend.hpp"

namespace diskpaxos::agent {
namespace {

using namespace std::chrono_literals;
using wire::Status;

class ServerTest : public ::testing::TestWithParam<io::Backend> {
  protected:
    void SetUp() override {
        ASSERT_EQ(run_agent({"create", folder / "store", "--blocks", "512"}).code, 0);
        auto made = io::make_loop(GetParam());
        if (!made) GTEST_SKIP() << made.error().sentence;
        loop = std::move(made->loop);
        log.emplace(*loop, true);
        server.emplace(*loop, *log, 1);
        server->change_limits().hello = 400ms;
        server->change_limits().idle = 1s;
        ASSERT_TRUE(drive(*loop, server->add_store("a", folder / "store")));
        const auto address = net::parse_address(folder / "socket", 0);
        ASSERT_TRUE(server->listen(net::resolve(*address)->front()));
    }

    // Serves until the clients have done what they do.
    void serve(const std::function<void()>& clients) {
        std::atomic<bool> done = false;
        std::thread thread([&] {
            clients();
            done = true;
            const TestClient waker(place(), "a", false);
        });
        loop->run_until([&] { return done.load(); });
        thread.join();
    }

    std::string place() { return folder / "socket"; }

    Folder folder;
    std::unique_ptr<io::Loop> loop;
    std::optional<Log> log;
    std::optional<Server> server;
};

TEST_P(ServerTest, WhoSaysNothingIsNotWaitedFor) {
    serve([this] {
        TestClient silent(place(), "a", false);
        TestClient slow(place(), "a", false);
        Bytes hello;
        wire::put_hello(hello, 1, {.store = "a"});
        slow.send(ByteView(hello).first(20));
        EXPECT_TRUE(silent.ended());
        EXPECT_TRUE(slow.ended());
    });
}

TEST_P(ServerTest, APingKeepsTheConnection) {
    serve([this] {
        TestClient idle(place(), "a");
        TestClient lively(place(), "a");
        for (int i = 0; i < 6; ++i) {
            std::this_thread::sleep_for(200ms);
            EXPECT_EQ(lively.ping(), Status::ok);
        }
        EXPECT_TRUE(idle.ended());
        EXPECT_EQ(lively.ping(), Status::ok);
        EXPECT_TRUE(lively.ended());
    });
}

TEST_P(ServerTest, WhoDoesNotReadIsDropped) {
    serve([this] {
        TestClient greedy(place(), "a");
        Bytes out;
        for (int i = 0; i < 100; ++i) wire::put_read(out, 9, {0, 100});
        greedy.send(out);
        std::this_thread::sleep_for(800ms);
        int answers = 0;
        while (greedy.receive(500)) ++answers;
        EXPECT_GT(answers, 0);
        EXPECT_LT(answers, 100);
        EXPECT_TRUE(greedy.ended());
    });
}

TEST_P(ServerTest, NobodyTakesAllConnections) {
    server->places().change({.all = 8, .by_network = 8, .by_socket = 8, .of_origin = 8,
                             .strangers_of_origin = 8, .of_client = 2});
    serve([this] {
        TestClient one(place(), "a");
        TestClient two(place(), "a");
        EXPECT_TRUE(two.welcome());
        TestClient three(place(), "a");
        EXPECT_FALSE(three.welcome());
        EXPECT_EQ(one.ping(), Status::ok);
    });
}

// It asks, says that this is all, and waits for what it is owed.
TEST_P(ServerTest, WhoFinishesGetsItsAnswers) {
    serve([this] {
        TestClient reader(place(), "a");
        Bytes out;
        for (std::uint64_t i = 1; i <= 20; ++i) wire::put_read(out, i, {0, 100});
        reader.send(out);
        reader.finish();
        for (std::uint64_t i = 1; i <= 20; ++i) ASSERT_TRUE(reader.receive()) << i;
        EXPECT_TRUE(reader.ended());

        TestClient writer(place(), "a");
        out.clear();
        for (std::uint64_t i = 1; i <= 20; ++i) wire::put_write(out, i, i, Bytes(512));
        writer.send(out);
        writer.finish();
        for (std::uint64_t i = 1; i <= 20; ++i) {
            const auto frame = writer.receive();
            ASSERT_TRUE(frame) << i;
            EXPECT_EQ(frame->status, Status::ok);
        }
        EXPECT_TRUE(writer.ended());
    });
}

TEST_P(ServerTest, WhoSaysNothingGoesFirst) {
    server->places().change({.all = 3, .by_network = 3, .by_socket = 3, .of_origin = 3,
                             .strangers_of_origin = 3, .of_client = 9});
    serve([this] {
        TestClient known(place(), "a");
        EXPECT_TRUE(known.welcome());
        TestClient first(place(), "a", false);
        TestClient second(place(), "a", false);
        TestClient third(place(), "a");
        EXPECT_TRUE(third.welcome());
        EXPECT_TRUE(first.ended());
        TestClient fourth(place(), "a");
        EXPECT_TRUE(fourth.welcome());
        TestClient fifth(place(), "a");
        EXPECT_FALSE(fifth.welcome()) << "nobody is a stranger";
        EXPECT_EQ(known.ping(), Status::ok);
        EXPECT_EQ(third.ping(), Status::ok);
    });
}

// And a crowd of them, all at once, keeps nobody out who greets.
TEST_P(ServerTest, AFloodOfSilenceKeepsNobodyOut) {
    server->places().change(Places::Limits::of(40));
    serve([this] {
        std::vector<std::unique_ptr<TestClient>> silent;
        for (int i = 0; i < 400; ++i) {
            silent.push_back(std::make_unique<TestClient>(place(), "a", false));
            if (i % 20 != 0) continue;
            const TestClient one(place(), "a");
            EXPECT_TRUE(one.welcome()) << i;
        }
    });
}

// However many connections want to look at everything, a turn of the loop looks at so much.
TEST_P(ServerTest, AFloodOfListsHasItsShareOfEachTurn) {
    constexpr unsigned connections = 40, lists = 4;
    serve([this] {
        std::vector<std::unique_ptr<TestClient>> clients;
        for (unsigned i = 0; i < connections; ++i) {
            clients.push_back(std::make_unique<TestClient>(place(), "a"));
            Bytes out;
            for (std::uint64_t id = 1; id <= lists; ++id) wire::put_list(out, id, {0, 512});
            wire::put_read(out, lists + 1, {0, 128});
            clients.back()->send(out);
        }
        TestClient other(place(), "a");
        EXPECT_EQ(other.ping(), Status::ok);
        for (auto& one : clients) {
            for (unsigned id = 1; id <= lists + 1; ++id) {
                const auto frame = one->receive();
                ASSERT_TRUE(frame);
                EXPECT_EQ(frame->id, id);
                EXPECT_EQ(frame->status, Status::ok);
            }
        }
    });
    const Looks::Counts& counts = server->looks().counts();
    EXPECT_EQ(counts.pieces, connections * (lists * 512 * 512 / Looks::piece + 1));
    EXPECT_LE(counts.most_in_turn, Looks::most_in_turn);
}

INSTANTIATE_TEST_SUITE_P(Backends, ServerTest,
                         ::testing::Values(io::Backend::uring, io::Backend::threads));

}  // namespace
}  // namespace diskpaxos::agent
