// A client that waits: the wire codec over a blocking socket, and nothing clever.
#pragma once

#include <optional>
#include <string>

#include "wire/message.hpp"

namespace diskpaxos::agent {

class TestClient {
  public:
    // A path, or 127.0.0.1:PORT. Says hello unless told not to.
    explicit TestClient(const std::string& place, const std::string& store = "", bool hello = true,
                        std::uint64_t features = 0);
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;
    ~TestClient();

    const std::optional<wire::Welcome>& welcome() const { return welcome_; }
    wire::Status greeting() const { return greeting_; }

    void send(ByteView bytes);
    // The next frame; nothing if the connection ends, or none comes for so long.
    std::optional<wire::Frame> receive(int milliseconds = 5000);
    bool ended();  // the agent closes it, within two seconds
    void finish();  // says that it asks for nothing more

    // One request and its answer's status; `block` is then what came with it.
    wire::Status step(std::uint64_t number, Rank rank, ByteView request);
    wire::Status read(std::uint64_t number);
    wire::Status write(std::uint64_t first, ByteView blocks);
    wire::Status ping();
    Bytes block;

    std::uint64_t next_id() { return ++id_; }

  private:
    wire::Status answer(std::uint64_t id);

    int fd_ = -1;
    wire::FrameReader reader_{1 << 20};
    std::optional<wire::Welcome> welcome_;
    wire::Status greeting_ = wire::Status::failed;
    std::uint64_t id_ = 0;
    Bytes out_;
};

}  // namespace diskpaxos::agent
