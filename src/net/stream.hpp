// Stream: an asynchronous stream of bytes to one peer, plain or inside TLS. One owner, one reader
// at a time.
//
// Errors are sentences about what happened, without the peer's name: who reports them knows it.
// Coroutines that wait in a stream must be gone before it: give them a Scope that dies first.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "async/task.hpp"
#include "io/loop.hpp"
#include "net/address.hpp"
#include "net/tls.hpp"

namespace diskpaxos::net {

inline constexpr Instant never = Instant::max();

class Stream {
  public:
    Stream(io::Loop& loop, int fd);  // of a connected socket, which is the stream's from now on
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // Once, before anything else, or never. `in_the_clear` goes to an other end that does not speak
    // TLS at all, and must outlive the call.
    Task<Result<void>> secure(std::unique_ptr<TlsSession> tls, Instant deadline,
                              ByteView in_the_clear = {});
    const TlsSession* tls() const { return tls_.get(); }  // null: plain

    // As many bytes as there are, at least one; 0 if the other end has finished properly.
    Task<Result<std::size_t>> read_some(ByteSpan into, Instant deadline = never);

    // The same without waiting: 0 if there is nothing yet, or never will be. When arrived() is set,
    // there is something, or it is over().
    Result<std::size_t> read_now(ByteSpan into);
    Event& arrived() { return socket_->arrived(); }
    bool over() const;

    // Goes down with this turn of the loop, behind everything before it. It is kept until then:
    // who has much to send looks at unsent(), or waits for room.
    void put(ByteView bytes);
    std::size_t unsent() const { return socket_->unsent(); }
    Task<Result<void>> room(Instant deadline = never);   // until less than 256 KiB are unsent
    Task<Result<void>> flush(Instant deadline = never);  // until the kernel has everything
    Task<Result<void>> write(ByteView bytes, Instant deadline = never);  // put, and room

    // Says that this was all and waits until the kernel has it. Then only destroying is left.
    Task<void> close(Instant deadline);

    // Ends it here and now: who waits goes on with an error that says `error`.
    void cut(int error = ECONNABORTED) { socket_->fail(error); }

    // Who the other end is: by TLS its identity, on a UNIX socket its user; its address.
    std::string peer() const { return tls_ ? tls_->peer() : std::string(); }
    std::optional<uid_t> peer_uid() const;
    std::string peer_address() const;
    std::string peer_network() const;

  private:
    Task<Result<void>> wait(Event& event, Instant deadline);
    Task<void> listen_to_the_end(Instant deadline);
    void send_outgoing();
    Error broken() const;
    std::optional<Endpoint> peer_endpoint() const;

    io::Loop& loop_;
    io::SocketPtr socket_;
    std::unique_ptr<TlsSession> tls_;
    Bytes sealed_;  // scratch space: what TLS has to send
};

}  // namespace diskpaxos::net
