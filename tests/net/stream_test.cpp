// Streams over TCP and UNIX sockets: what goes in comes out, however it is cut into pieces, and
// nobody keeps more in memory than was said.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "peers.hpp"

namespace diskpaxos::net {
namespace {

class StreamTest : public EachCarrier {};
INSTANTIATE_TEST_SUITE_P(, StreamTest, testing::ValuesIn(carriers()), carrier_name);

Bytes pattern(std::size_t size, unsigned seed) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>(i * 31 + i / 251 + seed);
    return bytes;
}

struct Outcome {
    Event done;
    std::string error;
    unsigned rounds = 0;
    std::size_t bytes = 0;
};

Task<Result<void>> read_all(Stream& stream, ByteSpan into, Instant deadline) {
    while (!into.empty()) {
        const Result<std::size_t> count = co_await stream.read_some(into, deadline);
        if (!count) co_return std::unexpected(count.error());
        if (*count == 0) co_return std::unexpected(Error{Code::io, "the end"});
        into = into.subspan(*count);
    }
    co_return Result<void>();
}

// Sends pieces of growing size and expects each back.
Task<void> talk(Rig& rig, Endpoint to, unsigned rounds, std::size_t growth, Outcome& outcome) {
    std::vector<Endpoint> endpoints{to};
    auto stream = co_await connect(*rig.loop, endpoints, rig.soon());
    if (!stream) {
        outcome.error = stream.error().sentence;
        outcome.done.set();
        co_return;
    }
    Bytes back;
    for (unsigned round = 0; round < rounds; ++round) {
        const Bytes sent = pattern(1 + round * growth, round);
        back.assign(sent.size(), std::byte{0});
        (*stream)->put(sent);
        const Result<void> came = co_await read_all(**stream, back, rig.soon());
        if (!came) {
            outcome.error = came.error().sentence;
            break;
        }
        if (back != sent) outcome.error = "other bytes came back";
        ++outcome.rounds;
    }
    co_await (*stream)->close(rig.soon());
    outcome.done.set();
}

TEST_P(StreamTest, EchoesOverTcp) {
    Rig rig(GetParam());
    const Endpoint server = rig.serve_echo("127.0.0.1:0");
    Outcome outcome;
    rig.scope.spawn(talk(rig, server, 50, 3001, outcome));
    rig.loop->run_until(outcome.done);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.rounds, 50U);
}

TEST_P(StreamTest, EchoesOverAUnixSocket) {
    Rig rig(GetParam());
    const Endpoint server = rig.serve_echo(scratch.at("socket"));
    Outcome outcome;
    rig.scope.spawn(talk(rig, server, 50, 3001, outcome));
    rig.loop->run_until(outcome.done);
    EXPECT_EQ(outcome.error, "");
    EXPECT_EQ(outcome.rounds, 50U);
}

TEST_P(StreamTest, FiveHundredConnectionsAtOnce) {
    Rig rig(GetParam());
    const Endpoint server = rig.serve_echo("127.0.0.1:0");
    std::vector<Outcome> outcomes(500);
    for (Outcome& outcome : outcomes) rig.scope.spawn(talk(rig, server, 5, 1000, outcome));
    for (Outcome& outcome : outcomes) {
        rig.loop->run_until(outcome.done);
        ASSERT_EQ(outcome.error, "");
        ASSERT_EQ(outcome.rounds, 5U);
    }
}

Task<void> pour(Rig& rig, Stream& stream, std::size_t total, Outcome& outcome) {
    const Bytes piece = pattern(16 * 1024, 1);
    std::size_t most = 0;
    for (std::size_t sent = 0; sent < total; sent += piece.size()) {
        const Result<void> written = co_await stream.write(piece, rig.soon());
        if (!written) {
            outcome.error = written.error().sentence;
            break;
        }
        most = std::max(most, stream.unsent());
        outcome.bytes += piece.size();
    }
    EXPECT_LE(most, io::Socket::most_unsent + piece.size());
    outcome.done.set();
}

Task<void> accept_one(Listener& listener, std::unique_ptr<Stream>& into) {
    into = co_await listener.accept();
}

Task<void> connect_one(Rig& rig, Endpoint to, std::unique_ptr<Stream>& into) {
    std::vector<Endpoint> endpoints{to};
    auto made = co_await connect(*rig.loop, endpoints, rig.soon());
    if (made) into = std::move(*made);
}

// Two ends of one connection.
struct Pair {
    Pair(Rig& rig, const std::string& address) {
        auto opened = Listener::open(*rig.loop, endpoint_of(address));
        listener = std::move(*opened);
        rig.scope.spawn(accept_one(*listener, server));
        rig.scope.spawn(connect_one(rig, listener->endpoint(), client));
        rig.loop->run_until([this] { return server && client; });
    }
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Stream> server;
    std::unique_ptr<Stream> client;
};

Task<void> pass_time(Rig& rig, Duration duration, Event& over) {
    co_await rig.loop->sleep(duration);
    over.set();
}

Task<void> drink(Rig& rig, Stream& stream, std::size_t total, Outcome& outcome) {
    Bytes piece(10'000);
    while (outcome.bytes < total) {
        const Result<std::size_t> count = co_await stream.read_some(piece, rig.soon());
        if (!count || *count == 0) break;
        outcome.bytes += *count;
    }
    outcome.done.set();
}

// The writer is held up by a reader that does not read: neither the kernel's buffers nor ours take
// in everything. When it reads, everything comes.
TEST_P(StreamTest, ASlowReaderHoldsUpTheWriter) {
    constexpr std::size_t total = 64 * 1024 * 1024;
    Rig rig(GetParam());
    Pair pair(rig, scratch.at("socket"));
    Outcome poured;
    Event waited;
    rig.scope.spawn(pour(rig, *pair.client, total, poured));
    rig.scope.spawn(pass_time(rig, 100ms, waited));
    rig.loop->run_until(waited);
    EXPECT_FALSE(poured.done.is_set());
    EXPECT_LT(poured.bytes, total / 8);

    Outcome drunk;
    rig.scope.spawn(drink(rig, *pair.server, total, drunk));
    rig.loop->run_until(drunk.done);
    rig.loop->run_until(poured.done);
    EXPECT_EQ(drunk.bytes, total);
    EXPECT_EQ(poured.error, "");
}

// One that reads nothing keeps nobody else waiting, though all share the buffers of the ring.
TEST_P(StreamTest, ASlowReaderHoldsUpNobodyElse) {
    Rig rig(GetParam());
    Pair pair(rig, "127.0.0.1:0");
    Outcome poured;
    rig.scope.spawn(pour(rig, *pair.client, std::size_t{64} << 20, poured));
    const Endpoint server = rig.serve_echo("127.0.0.1:0");
    Outcome outcome;
    rig.scope.spawn(talk(rig, server, 100, 501, outcome));
    rig.loop->run_until(outcome.done);
    EXPECT_EQ(outcome.error, "");
    EXPECT_FALSE(poured.done.is_set());
    pair.client->cut();
    rig.loop->run_until(poured.done);
    EXPECT_NE(poured.error, "");
}

TEST_P(StreamTest, AnEndInTheMiddleIsAnEnd) {
    Rig rig(GetParam());
    Pair pair(rig, "127.0.0.1:0");
    Outcome drunk;
    rig.scope.spawn(drink(rig, *pair.server, 1000, drunk));
    pair.client->put(pattern(10, 0));
    Event over;
    rig.scope.spawn(pass_time(rig, 1ms, over));
    rig.loop->run_until(over);
    pair.client.reset();
    rig.loop->run_until(drunk.done);
    EXPECT_EQ(drunk.bytes, 10U);
    EXPECT_TRUE(pair.server->over());
}

TEST_P(StreamTest, WhoWaitsForRoomLearnsThatThePeerIsGone) {
    Rig rig(GetParam());
    Pair pair(rig, "127.0.0.1:0");
    Outcome poured;
    rig.scope.spawn(pour(rig, *pair.client, std::size_t{64} << 20, poured));
    Event over;
    rig.scope.spawn(pass_time(rig, 20ms, over));
    rig.loop->run_until(over);
    pair.server.reset();
    rig.loop->run_until(poured.done);
    EXPECT_NE(poured.error.find("broken"), std::string::npos) << poured.error;
}

// The kernel may still be sending from a stream's memory, or receiving into it, when that dies.
TEST_P(StreamTest, DyingInTheMiddleIsSafe) {
    for (int round = 0; round < 20; ++round) {
        Rig rig(GetParam());
        Pair pair(rig, round % 2 == 0 ? std::string("127.0.0.1:0") : scratch.at("socket"));
        pair.client->put(pattern(4 << 20, 3));
        pair.server->put(pattern(4 << 20, 4));
        Event over;
        rig.scope.spawn(pass_time(rig, Duration(round * 100'000), over));
        rig.loop->run_until(over);
        (round % 3 == 0 ? pair.client : pair.server).reset();
        if (round % 5 == 0) rig.loop->run_until([] { return true; });
    }
}

TEST_P(StreamTest, AReadGivesUpAtItsDeadline) {
    Rig rig(GetParam());
    Pair pair(rig, "127.0.0.1:0");
    Bytes piece(10);
    Outcome outcome;
    const auto read = [](Rig& r, Stream& stream, Bytes& into, Outcome& out) -> Task<void> {
        const Result<std::size_t> count = co_await stream.read_some(into, r.loop->now() + 10ms);
        out.error = count ? "" : count.error().sentence;
        out.done.set();
    };
    rig.scope.spawn(read(rig, *pair.client, piece, outcome));
    rig.loop->run_until(outcome.done);
    EXPECT_NE(outcome.error.find("too long"), std::string::npos);
}

TEST_P(StreamTest, NobodyListens) {
    Rig rig(GetParam());
    Endpoint gone;
    {
        auto listener = Listener::open(*rig.loop, endpoint_of("127.0.0.1:0"));
        gone = (*listener)->endpoint();
    }
    Outcome tcp;
    rig.scope.spawn(talk(rig, gone, 1, 1, tcp));
    rig.loop->run_until(tcp.done);
    EXPECT_NE(tcp.error.find("127.0.0.1:"), std::string::npos) << tcp.error;
    EXPECT_NE(tcp.error.find("refused"), std::string::npos) << tcp.error;
    Outcome unix;
    rig.scope.spawn(talk(rig, endpoint_of(scratch.at("nothing")), 1, 1, unix));
    rig.loop->run_until(unix.done);
    EXPECT_NE(unix.error.find("No such file"), std::string::npos) << unix.error;
}

TEST_P(StreamTest, AUnixSocketTellsTheUserAndReplacesAStaleOneOnly) {
    Rig rig(GetParam());
    const std::string path = scratch.at("socket");
    {
        Pair pair(rig, path);
        EXPECT_EQ(pair.server->peer_uid(), getuid());
        EXPECT_FALSE(Listener::open(*rig.loop, endpoint_of(path)).has_value()) << "it is in use";
    }
    const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    const Endpoint endpoint = endpoint_of(path);
    ASSERT_EQ(bind(stale, endpoint.get(), endpoint.length), 0);
    close(stale);
    EXPECT_TRUE(Listener::open(*rig.loop, endpoint).has_value());
    Pair tcp(rig, "127.0.0.1:0");
    EXPECT_EQ(tcp.server->peer_uid(), std::nullopt);
    EXPECT_TRUE(tcp.server->peer_address().starts_with("127.0.0.1:"));
}

// Blocking, in a thread of its own: answers every message of 100 bytes with as many.
void serve_blocking(int fd) {
    char message[100];
    while (recv(fd, message, sizeof message, MSG_WAITALL) == sizeof message) {
        if (send(fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message) break;
    }
    close(fd);
}

Task<void> ask(Stream& stream, unsigned rounds, unsigned& asked, Event& all) {
    const Bytes question = pattern(100, 0);
    Bytes answer(100);
    for (unsigned round = 0; round < rounds; ++round) {
        stream.put(question);
        for (std::size_t got = 0; got < 100;) {
            const auto count = co_await stream.read_some(ByteSpan(answer).subspan(got));
            CHECK(count.has_value() && *count > 0);
            got += *count;
        }
    }
    if (--asked == 0) all.set();
}

constexpr std::size_t step_size = 4096;

// Puts one piece after the other until one is not taken at once, or `most`; how many were.
Task<void> fill_up(Rig& rig, Stream& stream, unsigned most, unsigned& taken, Event& full) {
    const Bytes piece(step_size);
    for (taken = 0; taken < most; ++taken) {
        stream.put(piece);
        co_await rig.loop->sleep(1ms);
        if (stream.unsent() > 0) break;
    }
    full.set();
}

// One end of a pair is a stream, the other a plain descriptor.
struct HalfPair {
    explicit HalfPair(Rig& rig) {
        int ends[2];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        stream = std::make_unique<Stream>(*rig.loop, ends[0]);
        other = ends[1];
    }
    HalfPair(const HalfPair&) = delete;
    HalfPair& operator=(const HalfPair&) = delete;
    ~HalfPair() { close(other); }

    unsigned fill(Rig& rig, unsigned most) const {
        unsigned taken = 0;
        Event full;
        rig.scope.spawn(fill_up(rig, *stream, most, taken, full));
        rig.loop->run_until(full);
        return taken;
    }

    std::unique_ptr<Stream> stream;
    int other = -1;
};

// A small send that finds no room, while nothing else happens and nobody waits for it.
TEST_P(StreamTest, WhatWasNotTakenAtOnceIsSentAsSoonAsThereIsRoom) {
    Rig rig(GetParam());
    const unsigned fit = HalfPair(rig).fill(rig, 10'000);
    const HalfPair pair(rig);
    ASSERT_EQ(pair.fill(rig, fit), fit);
    std::thread reader([&] {
        std::this_thread::sleep_for(50ms);
        Bytes all(step_size * (fit + 1));
        recv(pair.other, all.data(), all.size(), MSG_WAITALL);
        send(pair.other, "!", 1, MSG_NOSIGNAL);
    });
    const Instant start = rig.loop->now();
    pair.stream->put(Bytes(step_size));
    rig.loop->run_until(pair.stream->arrived());
    EXPECT_LT(rig.loop->now() - start, 500ms);
    reader.join();
}

// A question and the wait for its answer are one system call.
TEST(UringStreamTest, ARoundTripIsOneSystemCall) {
    if (carriers().front() != Carrier::uring) GTEST_SKIP() << "no io_uring here";
    for (const Carrier carrier : {Carrier::uring, Carrier::old_uring}) {
        Rig rig(carrier);
        HalfPair pair(rig);
        std::unique_ptr<Stream>& stream = pair.stream;
        std::thread server(serve_blocking, dup(pair.other));
        constexpr unsigned rounds = 1000;
        Event all;
        unsigned asking = 1;
        rig.scope.spawn(ask(*stream, 10, asking, all));
        rig.loop->run_until(all);
        all.reset();
        asking = 1;
        const io::Counts before = rig.loop->counts();
        rig.scope.spawn(ask(*stream, rounds, asking, all));
        rig.loop->run_until(all);
        const io::Counts after = rig.loop->counts();
        // Without multishot the last receive is asked for anew at the end.
        EXPECT_LE(after.submissions - before.submissions, rounds + 1);
        EXPECT_LE(after.waits - before.waits, rounds / 50);
        EXPECT_EQ(after.sends - before.sends, rounds);
        EXPECT_EQ(after.receives - before.receives, rounds);
        stream.reset();
        server.join();
    }
}

}  // namespace
}  // namespace diskpaxos::net
