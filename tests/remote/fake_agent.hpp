// What the tests of src/remote share: an agent that does what a test tells it to. By itself it
// keeps blocks in memory and answers at once.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "disk/block.hpp"
#include "disk/step.hpp"
#include "io/backend.hpp"
#include "io/os_random.hpp"
#include "net/connect.hpp"
#include "remote/agent_disk.hpp"

namespace diskpaxos::remote {

using namespace std::chrono_literals;

struct Asked {  // one request that has come
    wire::Type type{};
    std::uint64_t id = 0;
    Bytes body;
};

struct Rig {
    explicit Rig(io::Backend backend = io::Backend::automatic);
    void pass(Duration duration);  // drives the loop for so long

    std::unique_ptr<io::Loop> loop;
    NoTrace trace;
    io::OsRandom random;
    World world;
    Scope scope;
};

class FakeAgent {
  public:
    explicit FakeAgent(Rig& rig, const std::string& address = "127.0.0.1:0");

    std::string url(const std::string& store = "s") const;
    void hang_up();                   // on everybody
    void stop();                      // and listens no more
    void start();                     // at the same address, again
    void answer(const Asked& asked);  // as an agent would
    void answer(const Asked& asked, wire::Status status);
    void send(const Bytes& bytes) { stream->put(bytes); }
    ByteSpan block(std::uint64_t number) { return ByteSpan(memory).subspan(number * 512, 512); }
    unsigned count(wire::Type type) const;  // of requests that came

    Rig& rig;
    wire::Welcome welcome;
    wire::Status hello = wire::Status::ok;
    std::vector<std::pair<std::uint64_t, std::string>> rights{{wire::may_read, ""},
                                                              {wire::may_write, ""}};
    std::string greeted;  // the store that was asked for last
    std::uint64_t features = 0;  // and with what wishes
    Bytes memory;
    std::vector<Asked> asked;
    // What to do with a request but hello and ping; a test puts something else here.
    std::function<void(const Asked&)> react = [this](const Asked& one) { answer(one); };
    bool answer_pings = true;
    unsigned connections = 0;
    std::unique_ptr<net::Stream> stream;  // the last connection

  private:
    Task<void> listen();
    Task<void> serve();
    void take(const wire::Frame& frame);

    net::Endpoint endpoint_;
    std::unique_ptr<net::Listener> listener_;
    std::unique_ptr<Scope> listening_;
    std::unique_ptr<Scope> serving_;
};

// A request, and what came of it.
struct Outcome {
    Event came;
    int error = -1;
    bool wrote = false;
    StepVerdict verdict{};
    Bytes in;
    Duration took{};
};

struct Opened {
    Event done;
    Result<std::unique_ptr<AgentDisk>> disk = std::unexpected(Error{});
};

void open(Rig& rig, const std::string& url, Duration time_out, Opened& opened);  // and waits
std::unique_ptr<AgentDisk> must_open(Rig& rig, const std::string& url, Duration time_out = 5s);

Bytes promise(std::uint64_t block, Rank rank);  // a request block that promises it
Rank rank_of(std::uint64_t round);

void start(Rig& rig, Disk& disk, IoPtr io, Outcome& outcome);
void start_step(Rig& rig, Disk& disk, std::uint64_t block, Rank rank, Outcome& outcome);
void start_watch(Rig& rig, Disk& disk, std::uint64_t block, Rank rank, Outcome& outcome);
void start_read(Rig& rig, Disk& disk, Extent from, Outcome& outcome);
void start_write(Rig& rig, Disk& disk, Extent to, std::byte fill, Outcome& outcome);

}  // namespace diskpaxos::remote
