// Socket: one end of a connected byte stream, TCP or UNIX, carried by the loop.
//
// What is sent goes down with the next turn of the loop, together with everything else that was
// asked for; what arrives is kept until it is taken. Both are bounded: beyond `most_received` the
// socket stops receiving, and who writes should wait for room(). One thread, one owner.
#pragma once

#include <cstdint>
#include <memory>

#include "async/event.hpp"
#include "base/bytes.hpp"

namespace diskpaxos::io {

class Socket {
  public:
    static constexpr std::size_t most_received = 64 * 1024;
    static constexpr std::size_t most_unsent = 256 * 1024;

    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    int fd() const { return fd_; }

    // What has arrived and was not taken yet. It moves when the loop runs.
    ByteView received() const { return inbox_.bytes(); }
    void take(std::size_t count);
    Event& arrived() { return arrived_; }  // set while there is something to take, or it is over

    // Over: nothing more will arrive, since the other end has finished (error 0) or by an error.
    bool over() const { return over_; }
    int error() const { return error_; }

    // Nothing is refused; what is sent to a socket that has failed is dropped.
    void send(ByteView bytes);
    std::size_t unsent() const { return flying_.size() - sent_ + waiting_.size(); }
    Event& room() { return room_; }        // set while unsent() < most_unsent, or it has failed
    Event& drained() { return drained_; }  // set while nothing is unsent, or it has failed

    // No more is sent or received. Whoever waits goes on, and finds the error.
    void fail(int error);

  protected:
    explicit Socket(int fd);
    virtual ~Socket();

    virtual void attend() = 0;  // there is something to send, or room to receive into
    virtual void close() = 0;   // the owner has gone: dies as soon as no request needs it

    bool may_receive() const { return !over_ && inbox_.bytes().size() < most_received; }
    bool may_send() const { return error_ == 0 && unsent() > 0; }
    bool sending_awaited() const { return room_.awaited() || drained_.awaited(); }

    // Where the next bytes may arrive; it stays there until note_received() or the next call.
    ByteSpan inbox_room(std::size_t least) { return inbox_.room(least); }
    void note_received(std::size_t count);  // so many stand there now; 0: the other end finished

    // What goes down next; it stays where it is until note_sent() has been told of all of it.
    ByteView to_send();
    void note_sent(std::size_t count);

  private:
    friend struct CloseSocket;

    // Bytes in the order of their arrival, in one piece.
    class Inbox {
      public:
        ByteView bytes() const { return ByteView(memory_).subspan(begin_, end_ - begin_); }
        ByteSpan room(std::size_t least);
        void filled(std::size_t count) { end_ += count; }
        void take(std::size_t count);

      private:
        Bytes memory_;
        std::size_t begin_ = 0;
        std::size_t end_ = 0;
    };

    void end(int error);

    const int fd_;
    Inbox inbox_;
    Bytes flying_;          // goes down in one piece: it may not move meanwhile
    std::size_t sent_ = 0;  // of flying_
    Bytes waiting_;         // what came while it did
    Event arrived_;
    Event room_;
    Event drained_;
    bool over_ = false;
    int error_ = 0;
};

struct CloseSocket {
    void operator()(Socket* socket) const { socket->close(); }
};
using SocketPtr = std::unique_ptr<Socket, CloseSocket>;

}  // namespace diskpaxos::io
