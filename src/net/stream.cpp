#include "net/stream.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.hpp"

namespace diskpaxos::net {

namespace {

constexpr Duration farewell = std::chrono::seconds(1);

}  // namespace

Stream::Stream(io::Loop& loop, int fd) : loop_(loop) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // not of a UNIX socket: refused
    socket_ = loop.adopt(fd);
}

Stream::~Stream() = default;

Error Stream::broken() const {
    const int error = socket_->error();
    if (error == 0) return {Code::io, "the other end has closed the connection"};
    return {Code::io, fmt::format("the connection is broken: {}", std::strerror(error))};
}

Task<Result<void>> Stream::wait(Event& event, Instant deadline) {
    if (deadline == never) {
        co_await event.wait();
        co_return Result<void>();
    }
    const bool came = co_await event.wait_until(loop_, deadline);
    if (came) co_return Result<void>();
    co_return std::unexpected(Error{Code::io, "the other end took too long"});
}

Task<Result<void>> Stream::secure(std::unique_ptr<TlsSession> tls, Instant deadline,
                                  ByteView in_the_clear) {
    CHECK(tls_ == nullptr);
    tls_ = std::move(tls);
    for (;;) {
        tls_->feed(socket_->received());
        socket_->take(socket_->received().size());
        const Result<bool> done = tls_->handshake();
        send_outgoing();
        if (!done) {
            if (done.error().code == Code::io) socket_->send(in_the_clear);
            co_await close(deadline);  // so that the other end learns why
            co_await listen_to_the_end(std::min(deadline, loop_.now() + farewell));
            co_return std::unexpected(done.error());
        }
        if (*done) co_return Result<void>();
        if (socket_->over()) {
            co_return std::unexpected(Error{
                Code::io, fmt::format("{} in the middle of the TLS handshake", broken().sentence)});
        }
        Result<void> more = co_await wait(socket_->arrived(), deadline);
        if (!more) co_return more;
    }
}

// What has come and was not read makes the kernel reset the connection when it is closed, and the
// other end forget what it has not read yet: our last words.
Task<void> Stream::listen_to_the_end(Instant deadline) {
    while (!socket_->over()) {
        socket_->take(socket_->received().size());
        const bool more = co_await socket_->arrived().wait_until(loop_, deadline);
        if (!more) break;
    }
}

bool Stream::over() const {
    return (socket_->over() && socket_->received().empty()) || (tls_ && tls_->finished());
}

Result<std::size_t> Stream::read_now(ByteSpan into) {
    const ByteView bytes = socket_->received();
    if (tls_ == nullptr) {
        const std::size_t count = std::min(into.size(), bytes.size());
        std::ranges::copy(bytes.first(count), into.begin());
        socket_->take(count);
        if (count == 0 && socket_->error() != 0) return std::unexpected(broken());
        return count;
    }
    Result<std::size_t> count = tls_->read(into);
    if (count && *count == 0 && !bytes.empty()) {
        tls_->feed(bytes);
        socket_->take(bytes.size());
        count = tls_->read(into);
    }
    send_outgoing();
    // An end that TLS does not know of is a cut: somebody may have made it.
    if (count && *count == 0 && socket_->over() && !tls_->finished()) {
        return std::unexpected(broken());
    }
    return count;
}

Task<Result<std::size_t>> Stream::read_some(ByteSpan into, Instant deadline) {
    CHECK(!into.empty());
    for (;;) {
        Result<std::size_t> count = read_now(into);
        if (!count || *count > 0 || over()) co_return count;
        const Result<void> more = co_await wait(socket_->arrived(), deadline);
        if (!more) co_return std::unexpected(more.error());
    }
}

void Stream::send_outgoing() {
    if (tls_->take_outgoing(sealed_)) socket_->send(sealed_);
}

void Stream::put(ByteView bytes) {
    if (socket_->error() != 0) return;
    if (tls_ == nullptr) return socket_->send(bytes);
    if (!tls_->write(bytes)) return cut(EPROTO);
    send_outgoing();
}

Task<Result<void>> Stream::room(Instant deadline) {
    Result<void> came = co_await wait(socket_->room(), deadline);
    if (came && socket_->error() != 0) co_return std::unexpected(broken());
    co_return came;
}

Task<Result<void>> Stream::flush(Instant deadline) {
    Result<void> came = co_await wait(socket_->drained(), deadline);
    if (came && socket_->error() != 0) co_return std::unexpected(broken());
    co_return came;
}

Task<Result<void>> Stream::write(ByteView bytes, Instant deadline) {
    put(bytes);
    Result<void> came = co_await room(deadline);
    co_return came;
}

Task<void> Stream::close(Instant deadline) {
    if (tls_ != nullptr) {
        tls_->finish();
        send_outgoing();
    }
    co_await socket_->drained().wait_until(loop_, deadline);
    if (socket_->error() == 0) shutdown(socket_->fd(), SHUT_WR);
}

std::optional<uid_t> Stream::peer_uid() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    getsockname(socket_->fd(), reinterpret_cast<sockaddr*>(&own), &length);
    if (own.ss_family != AF_UNIX) return std::nullopt;
    if (getsockopt(socket_->fd(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer.uid;
}

std::optional<Endpoint> Stream::peer_endpoint() const {
    Endpoint endpoint;
    endpoint.length = sizeof endpoint.address;
    auto* address = reinterpret_cast<sockaddr*>(&endpoint.address);
    if (getpeername(socket_->fd(), address, &endpoint.length) != 0) return std::nullopt;
    return endpoint;
}

std::string Stream::peer_address() const {
    const auto endpoint = peer_endpoint();
    return endpoint ? describe(*endpoint) : "nobody";
}

std::string Stream::peer_network() const {
    const auto endpoint = peer_endpoint();
    return endpoint ? network_of(*endpoint) : "nobody";
}

}  // namespace diskpaxos::net
