#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
#include "io/threads.hpp"

namespace diskpaxos::io {

namespace {

constexpr std::size_t piece = 4096;  // least room to receive into

bool try_again(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

ThreadSocket::ThreadSocket(ThreadLoop& loop, int fd) : Socket(fd), loop_(loop) {
    loop_.sockets_.push_back(this);
}

ThreadSocket::~ThreadSocket() {
    std::erase(loop_.sockets_, this);
}

pollfd ThreadSocket::wish() const {
    short events = 0;
    if (may_receive()) events |= POLLIN;
    if (may_send()) events |= POLLOUT;
    return {events != 0 ? fd() : -1, events, 0};  // -1: passed over
}

void ThreadSocket::move(short events) {
    if ((events & (POLLOUT | POLLERR | POLLHUP)) != 0) blocked_ = false;
    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0 && may_receive()) receive_now();
}

void ThreadSocket::receive_now() {
    const ByteSpan room = inbox_room(piece);
    const ssize_t count = recv(fd(), room.data(), room.size(), MSG_DONTWAIT);
    if (count >= 0) {
        if (count > 0) ++loop_.counts_.receives;
        note_received(static_cast<std::size_t>(count));
    } else if (!try_again(errno)) {
        fail(errno);
    }
}

void ThreadSocket::send_now() {
    while (may_send() && !blocked_) {
        const ByteView bytes = to_send();
        const ssize_t count = ::send(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        ++loop_.counts_.sends;
        if (count >= 0) {
            note_sent(static_cast<std::size_t>(count));
        } else if (try_again(errno)) {
            blocked_ = true;
        } else {
            fail(errno);
        }
    }
}

}  // namespace diskpaxos::io
