#include "net/connect.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace diskpaxos::net {

namespace {

using namespace std::chrono_literals;

constexpr Duration pause = 10ms;              // before a listener that is busy is asked again
constexpr Duration descriptor_pause = 100ms;  // when there are no descriptors left
constexpr int backlog = 1024;

Error failed(const Endpoint& endpoint, const char* verb, int error) {
    const Code code = error == EACCES || error == EPERM ? Code::permission : Code::io;
    return {code, fmt::format("cannot {} {}: {}", verb, describe(endpoint), std::strerror(error))};
}

int new_socket(const Endpoint& endpoint) {
    return socket(endpoint.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

// A descriptor that is nobody's yet.
class Unowned {
  public:
    explicit Unowned(int fd) : fd_(fd) {}
    Unowned(const Unowned&) = delete;
    Unowned& operator=(const Unowned&) = delete;
    ~Unowned() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

// 0, or the errno of a connection that was being made.
int outcome(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

// While a connection is being made on it.
class Watched {
  public:
    Watched(io::Loop& loop, int fd) : loop_(loop), fd_(fd) { loop.watch_fd(fd, ready, POLLOUT); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;
    ~Watched() { loop_.forget_fd(fd_); }
    Event ready;

  private:
    io::Loop& loop_;
    int fd_;
};

// 0 once it is connected, or the errno of the refusal.
Task<int> establish(io::Loop& loop, int fd, Endpoint endpoint, Instant deadline) {
    while (::connect(fd, endpoint.get(), endpoint.length) != 0) {
        if (errno == EINPROGRESS) {
            Watched watched(loop, fd);
            const bool ready = co_await watched.ready.wait_until(loop, deadline);
            co_return ready ? outcome(fd) : ETIMEDOUT;
        }
        if (errno != EAGAIN && errno != EINTR) co_return errno;
        if (loop.now() >= deadline) co_return ETIMEDOUT;  // a UNIX socket's backlog is full
        co_await loop.sleep(pause);
    }
    co_return 0;
}

// Takes away a socket that nobody listens at any more. 0, or the errno of why not.
int replace_stale(const Endpoint& endpoint, const std::string& path) {
    struct stat facts{};
    if (lstat(path.c_str(), &facts) != 0) return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(facts.st_mode)) return EEXIST;
    const Unowned probe(new_socket(endpoint));
    if (probe.get() < 0) return errno;
    const int result = ::connect(probe.get(), endpoint.get(), endpoint.length);
    const int error = result == 0 ? EADDRINUSE : errno;
    if (error != ECONNREFUSED) return error == EAGAIN ? EADDRINUSE : error;
    return unlink(path.c_str()) == 0 ? 0 : errno;
}

int listen_at(int fd, const Endpoint& endpoint, const std::string& path) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!path.empty()) {
        if (const int error = replace_stale(endpoint, path); error != 0) return error;
    }
    // A socket is made with its mode: what stands at its path a moment later may be somebody
    // else's.
    const mode_t mask = umask(0111);
    const int bound = bind(fd, endpoint.get(), endpoint.length);
    const int error = errno;
    umask(mask);
    if (bound != 0) return error;
    return listen(fd, backlog) == 0 ? 0 : errno;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> connect(io::Loop& loop, std::vector<Endpoint> endpoints,
                                              Instant deadline) {
    Error error{Code::io, "there is no address to connect to"};
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        Unowned fd(new_socket(endpoints[i]));
        if (fd.get() < 0) co_return std::unexpected(failed(endpoints[i], "connect to", errno));
        // One that does not answer leaves time for the others.
        const auto left = static_cast<std::int64_t>(endpoints.size() - i);
        const Instant share = loop.now() + (deadline - loop.now()) / left;
        const int refusal = co_await establish(loop, fd.get(), endpoints[i], share);
        if (refusal == 0) co_return std::make_unique<Stream>(loop, fd.release());
        error = failed(endpoints[i], "connect to", refusal);
    }
    co_return std::unexpected(std::move(error));
}

Result<std::unique_ptr<Listener>> Listener::open(io::Loop& loop, const Endpoint& endpoint) {
    Unowned fd(new_socket(endpoint));
    if (fd.get() < 0) return std::unexpected(failed(endpoint, "listen at", errno));
    const bool unix = endpoint.get()->sa_family == AF_UNIX;
    std::string path = unix ? describe(endpoint) : std::string();
    if (const int error = listen_at(fd.get(), endpoint, path); error != 0) {
        return std::unexpected(failed(endpoint, "listen at", error));
    }
    return std::unique_ptr<Listener>(new Listener(loop, fd.release(), std::move(path)));
}

Listener::Listener(io::Loop& loop, int fd, std::string path)
    : loop_(loop), fd_(fd), path_(std::move(path)) {
    loop_.watch_fd(fd_, arrived_);
}

Listener::~Listener() {
    loop_.forget_fd(fd_);
    if (!path_.empty()) unlink(path_.c_str());
    ::close(fd_);
}

Task<std::unique_ptr<Stream>> Listener::accept() {
    for (;;) {
        const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) co_return std::make_unique<Stream>(loop_, fd);
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (out_of_descriptors) out_of_descriptors(errno);
            co_await loop_.sleep(descriptor_pause);
        } else if (errno == EAGAIN) {
            arrived_.reset();
            co_await arrived_.wait();
        }
    }
}

Endpoint Listener::endpoint() const {
    Endpoint own;
    own.length = sizeof own.address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own.address), &own.length);
    return own;
}

}  // namespace diskpaxos::net
