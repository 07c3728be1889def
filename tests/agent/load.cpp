// A measuring tool, not a test: N connections in a closed loop of steps on M registers for S
// seconds, against an agent that runs; operations a second, and how long one takes.
//
//   diskpaxos-agent-load PLACE [connections] [registers] [seconds]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "async/scope.hpp"
#include "disk/block.hpp"
#include "io/backend.hpp"
#include "net/connect.hpp"
#include "wire/message.hpp"

namespace diskpaxos::agent {
namespace {

struct Load {
    io::Loop& loop;
    std::vector<net::Endpoint> place;
    std::uint64_t registers;
    Instant begin{};
    Instant end{};
    std::vector<std::int64_t> times;  // of each step, in nanoseconds
    std::uint64_t round = 0;
    std::uint64_t refused = 0;
    std::uint64_t lost = 0;
    std::size_t ready = 0;
    Event all_ready;
    std::size_t connections;
};

class Connection {
  public:
    Connection(Load& load, std::uint64_t number) : load_(load), number_(number) {}

    Task<void> run() {
        auto stream = co_await net::connect(load_.loop, load_.place,
                                            load_.loop.now() + std::chrono::seconds(10));
        if (!stream) {
            ++load_.lost;
        } else {
            stream_ = std::move(*stream);
            wire::put_hello(out_, 1, {.store = {}});
            stream_->put(out_);
            co_await answer();
            if (number_ < load_.registers) co_await prepare();
        }
        if (++load_.ready == load_.connections) load_.all_ready.set();
        co_await load_.all_ready.wait();
        while (stream_ && load_.loop.now() < load_.end) co_await step();
    }

  private:
    static BlockAddress address(std::uint64_t which) {
        return {.kind = BlockKind::cell, .cell = static_cast<std::uint32_t>(which)};
    }

    // An empty register, whatever there was before.
    Task<void> prepare() {
        Bytes block(512);
        encode_initial(block, address(number_));
        out_.clear();
        wire::put_write(out_, 2, number_, block);
        stream_->put(out_);
        co_await answer();
    }

    Task<void> step() {
        const Rank rank{++load_.round, Proposer(number_ + 1)};
        const std::uint64_t which = number_ % load_.registers;
        Bytes block(512);
        const Bytes value(100, std::byte{1});
        encode_block(block, address(which),
                     {.incarnation = rank.proposer,
                      .seq = 1,
                      .promised = rank,
                      .accepted = rank,
                      .committed = {},
                      .value = value});
        out_.clear();
        wire::put_step(out_, ++id_, which, rank, block);
        const Instant began = load_.loop.now();
        stream_->put(out_);
        co_await answer();
        if (load_.loop.now() >= load_.begin) {
            load_.times.push_back((load_.loop.now() - began).count());
        }
    }

    Task<void> answer() {
        for (;;) {
            const auto frame = reader_.next();
            if (frame && *frame) {
                load_.refused += (*frame)->status != wire::Status::ok;
                co_return;
            }
            const ByteSpan room = reader_.room(4096);
            const auto got = co_await stream_->read_some(room);
            if (!got || *got == 0) {
                ++load_.lost;
                load_.end = load_.loop.now();
                co_return;
            }
            reader_.filled(*got);
        }
    }

    Load& load_;
    const std::uint64_t number_;
    std::unique_ptr<net::Stream> stream_;
    wire::FrameReader reader_{65544};
    Bytes out_;
    std::uint64_t id_ = 10;
};

int run(const std::string& place, std::uint64_t connections, std::uint64_t registers,
        std::uint64_t seconds) {
    auto made = io::make_loop();
    const auto address = net::parse_address(place, 4747);
    if (!made || !address) return 64;
    Load load{.loop = *made->loop,
              .place = *net::resolve(*address),
              .registers = registers,
              .times = {},
              .all_ready = {},
              .connections = connections};
    load.times.reserve(10'000'000);
    load.end = Instant::max();
    std::vector<std::unique_ptr<Connection>> all;
    for (std::uint64_t i = 0; i < connections; ++i) {
        all.push_back(std::make_unique<Connection>(load, i));
    }
    Scope scope(load.loop.queue());
    for (auto& connection : all) scope.spawn(connection->run());
    load.loop.run_until(load.all_ready);
    load.begin = load.loop.now() + std::chrono::milliseconds(300);
    load.end = load.begin + std::chrono::seconds(seconds);
    load.loop.run_until(scope.idle());
    std::ranges::sort(load.times);
    if (load.times.empty()) return 69;
    const auto at = [&](std::size_t permille) {
        return static_cast<double>(load.times[(load.times.size() - 1) * permille / 1000]) / 1000;
    };
    fmt::print(
        "{} connections, {} registers: {:.0f} steps/s, p50 {:.0f} us, p99 {:.0f} us, "
        "max {:.0f} us; {} not ok, {} lost\n",
        connections, registers,
        static_cast<double>(load.times.size()) / static_cast<double>(seconds), at(500), at(990),
        at(1000), load.refused, load.lost);
    return 0;
}

}  // namespace
}  // namespace diskpaxos::agent

int main(int count, char** words) {
    const auto number = [&](int index, std::uint64_t fallback) {
        return count > index ? std::stoull(words[index]) : fallback;
    };
    if (count < 2) {
        fmt::print(stderr, "diskpaxos-agent-load PLACE [connections] [registers] [seconds]\n");
        return 64;
    }
    return diskpaxos::agent::run(words[1], number(2, 64), number(3, 64), number(4, 3));
}
