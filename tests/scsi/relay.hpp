// Relay: a piece of the network that can be cut, or that lets nothing through for a while.
#pragma once

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

namespace diskpaxos::scsi {

class Relay {
  public:
    explicit Relay(int to_port);  // on loopback
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay();

    int port() const { return port_; }
    void cut() { cut_ = true; }  // all connections; new ones are let through
    void freeze(bool still) { frozen_ = still; }
    unsigned connections() const { return connections_; }  // so far

  private:
    void run();
    void accept_one();
    static bool pass(int from, int to);

    int to_port_;
    int listener_;
    int port_ = 0;
    std::atomic<bool> cut_ = false;
    std::atomic<bool> frozen_ = false;
    std::atomic<bool> ended_ = false;
    std::atomic<unsigned> connections_ = 0;
    std::vector<std::pair<int, int>> pairs_;
    std::thread thread_;
};

}  // namespace diskpaxos::scsi
