// diskpaxos-load: what scripts/bench measures agents and strangers with. Closed loops: so many
// connections, each with one question at a time, all on one ring; the same loop whoever it is that
// answers. Groups of disks are the business of diskpaxos-yardstick (tests/bench).
//
//   diskpaxos-load echo unix|tcp SECONDS               the floor: two processes, nothing else
//   diskpaxos-load steps URL CONNECTIONS SECONDS       of an agent, each on a register of its own
//   diskpaxos-load redis SOCKET CONNECTIONS SECONDS    compare and set by a script
//   diskpaxos-load etcd HOST:PORT CONNECTIONS SECONDS  compare and put in a transaction
//
// It prints one line of JSON. Scratch stores only: `steps` writes to the first blocks.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "bench/yardstick/outcome.hpp"
#include "net/connect.hpp"
#include "node/real_world.hpp"
#include "remote/connection.hpp"
#include "scale/talk.hpp"
#include "system/child.hpp"

namespace diskpaxos::scale {
namespace {

using namespace std::chrono_literals;

using yardstick::Costs;
using yardstick::fail;
using yardstick::machine_cpu_us;
using yardstick::now;

constexpr Duration patience = 20s;

Duration warm_up(Duration length) {
    return std::min<Duration>(length / 5, 1s);
}

// What a span of time has cost, begun and ended.
class Bill {
  public:
    void begin(const io::Counts& counts) {
        machine_ = machine_cpu_us();
        costs_ = Costs::so_far(counts);
    }
    void end(const io::Counts& counts) {
        Costs after = Costs::so_far(counts);
        after -= costs_;
        costs_ = after;
        machine_ = machine_cpu_us() - machine_;
    }
    void show(const std::string& name, std::vector<float> times, Duration length) {
        yardstick::Outcome outcome;
        outcome.operations = times.size();
        outcome.seconds = std::chrono::duration<double>(length).count();
        outcome.per_second = static_cast<double>(times.size()) / outcome.seconds;
        outcome.machine_cpu_us = machine_ / static_cast<double>(times.size());
        outcome.costs = costs_;
        outcome.series = {{name, times.size(), std::move(times)}};
        outcome.print();
    }

  private:
    double machine_ = 0;
    Costs costs_;
};

float microseconds(Duration time) {
    return static_cast<float>(yardstick::microseconds(time));
}

class Load {
  public:
    Load(std::string kind, std::string place, unsigned connections, Duration length)
        : kind_(std::move(kind)),
          place_(std::move(place)),
          connections_(connections),
          length_(length) {
        auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
        if (!real) fail(real.error().sentence);
        real_ = std::move(*real);
        if (kind_ != "steps") return;
        auto url = remote::parse_url(place_);
        if (!url) fail(url.error().sentence);
        auto peer = remote::find_peer(std::move(*url));
        if (!peer) fail(peer.error().sentence);
        peer_ = std::move(*peer);
    }

    void run() {
        io::Loop& loop = real_->loop();
        Scope scope(loop.queue());
        for (unsigned i = 0; i < connections_; ++i) scope.spawn(converse(i));
        loop.run_until([&] { return ready_ == connections_; });
        begin_ = loop.now() + warm_up(length_);
        end_ = begin_ + length_;
        go_.set();
        scope.spawn(keep_the_bill());
        loop.run_until(scope.idle());
        bill_.show(kind_, std::move(times_), length_);
    }

  private:
    Task<void> keep_the_bill() {
        io::Loop& loop = real_->loop();
        co_await loop.sleep_until(begin_);
        bill_.begin(loop.counts());
        co_await loop.sleep_until(end_);
        bill_.end(loop.counts());
    }

    Task<void> converse(unsigned number) {
        io::Loop& loop = real_->loop();
        const std::unique_ptr<Talk> talk = make_talk(kind_, number);
        auto stream = co_await connect();
        for (unsigned i = 0; i < talk->introductions(); ++i) co_await exchange(*stream, *talk);
        ++ready_;
        co_await go_.wait();
        for (Instant start = loop.now(); start < end_;) {
            co_await exchange(*stream, *talk);
            const Instant done = loop.now();
            if (start >= begin_ && done < end_) times_.push_back(microseconds(done - start));
            start = done;
        }
    }

    Task<std::unique_ptr<net::Stream>> connect() {
        io::Loop& loop = real_->loop();
        const Instant deadline = loop.now() + patience;
        if (kind_ == "steps") {
            auto greeted = co_await remote::greet(loop, peer_, deadline);
            if (!greeted) fail(greeted.error().sentence);
            co_return std::move(greeted->stream);
        }
        const auto address = net::parse_address(place_, 0);
        if (!address) fail(address.error().sentence);
        auto endpoints = net::resolve(*address);
        if (!endpoints) fail(endpoints.error().sentence);
        auto stream = co_await net::connect(loop, std::move(*endpoints), deadline);
        if (!stream) fail(stream.error().sentence);
        co_return std::move(*stream);
    }

    Task<void> exchange(net::Stream& stream, Talk& talk) {
        Bytes question;
        talk.ask(question);
        stream.put(question);
        Bytes answer;
        std::byte piece[4096];
        while (!talk.answered(answer)) {
            const auto got =
                co_await stream.read_some(ByteSpan(piece), real_->loop().now() + patience);
            if (!got || *got == 0) fail(got ? "the connection has ended" : got.error().sentence);
            answer.insert(answer.end(), piece, piece + *got);
        }
    }

    const std::string kind_;
    const std::string place_;
    const unsigned connections_;
    const Duration length_;
    std::unique_ptr<node::RealWorld> real_;
    remote::Peer peer_;
    unsigned ready_ = 0;
    Event go_;
    Instant begin_{};
    Instant end_{};
    std::vector<float> times_;
    Bill bill_;
};

using Message = std::array<char, 200>;  // about what a step takes

bool pass(int fd, Message& message, bool out) {
    for (std::size_t done = 0; done < message.size();) {
        char* const at = message.data() + done;
        const ssize_t count = out ? send(fd, at, message.size() - done, MSG_NOSIGNAL)
                                  : recv(fd, at, message.size() - done, 0);
        if (count <= 0) return false;
        done += static_cast<std::size_t>(count);
    }
    return true;
}

std::array<int, 2> connected(bool tcp) {
    std::array<int, 2> ends{};
    if (!tcp) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        return ends;
    }
    const auto address = net::resolve(*net::parse_address("127.0.0.1:0", 0));
    CHECK(address.has_value());
    net::Endpoint here = address->front();
    auto* const raw = reinterpret_cast<sockaddr*>(&here.address);
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listening, raw, here.length) == 0 && listen(listening, 1) == 0);
    CHECK(getsockname(listening, raw, &here.length) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(::connect(ends[0], raw, here.length) == 0);
    ends[1] = accept(listening, nullptr, nullptr);
    close(listening);
    return ends;
}

void echo(bool tcp, Duration length) {
    const std::array<int, 2> ends = connected(tcp);
    Child other([&] {
        for (Message message{}; pass(ends[1], message, false) && pass(ends[1], message, true);) {
        }
    });
    Message message{};
    const auto ask = [&] { CHECK(pass(ends[0], message, true) && pass(ends[0], message, false)); };
    const auto begin = now() + warm_up(length);
    while (now() < begin) ask();
    Bill bill;
    bill.begin({});
    std::vector<float> times;
    auto start = now();
    for (const auto end = start + length; start < end;) {
        ask();
        const auto done = now();
        times.push_back(microseconds(done - start));
        start = done;
    }
    bill.end({});
    bill.show("echo", std::move(times), length);
}

Duration seconds(const std::string& text) {
    return std::chrono::milliseconds(static_cast<int>(std::stod(text) * 1000));
}

int run(const std::vector<std::string>& words) {
    const std::string kind = words.empty() ? "" : words[0];
    if (kind == "echo" && words.size() == 3) {
        echo(words[1] == "tcp", seconds(words[2]));
    } else if ((kind == "steps" || kind == "redis" || kind == "etcd") && words.size() == 4) {
        Load(kind, words[1], static_cast<unsigned>(std::stoul(words[2])), seconds(words[3])).run();
    } else {
        fmt::print(stderr, "usage: diskpaxos-load echo|steps|redis|etcd ...; see its source\n");
        return 64;
    }
    return 0;
}

}  // namespace
}  // namespace diskpaxos::scale

int main(int count, char** words) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return diskpaxos::scale::run({words + 1, words + count});
}
