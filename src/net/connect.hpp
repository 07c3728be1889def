// Making connections and taking them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/stream.hpp"

namespace diskpaxos::net {

// The first of the endpoints that answers, plain as yet; or why the last one did not.
Task<Result<std::unique_ptr<Stream>>> connect(io::Loop& loop, std::vector<Endpoint> endpoints,
                                              Instant deadline);

// A socket that connections arrive at.
class Listener {
  public:
    // A UNIX socket replaces one that nobody listens at any more, and may be used by everybody:
    // who is there is for the other end's credentials to tell. It is removed with the listener.
    static Result<std::unique_ptr<Listener>> open(io::Loop& loop, const Endpoint& endpoint);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // The next connection. Without descriptors left it says so, waits, and tries again.
    Task<std::unique_ptr<Stream>> accept();
    std::function<void(int error)> out_of_descriptors;
    Endpoint endpoint() const;  // with the port that was chosen, if it was 0

  private:
    Listener(io::Loop& loop, int fd, std::string path);

    io::Loop& loop_;
    const int fd_;
    const std::string path_;
    Event arrived_;
};

}  // namespace diskpaxos::net
