#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.hpp"
#include "io/uring.hpp"

namespace diskpaxos::io {

namespace {

constexpr std::uint64_t socket_tag = 4;  // see uring_loop.cpp
constexpr std::uint64_t nobodys = 2;
constexpr std::size_t piece = 4096;  // least room to receive into

// A send of no more is over at once, unless the other end is far behind.
constexpr std::size_t surely_fits = 16 * 1024;

}  // namespace

int SharedBuffers::enlist(io_uring& ring) {
    if (ring_ != nullptr) return 0;
    entries_.resize(count * sizeof(io_uring_buf));
    memory_.resize(std::size_t{count} * size);
    io_uring_buf_reg request{};
    request.ring_addr = reinterpret_cast<std::uintptr_t>(entries_.bytes().data());
    request.ring_entries = count;
    request.bgid = group;
    const int result = io_uring_register_buf_ring(&ring, &request, 0);
    if (result != 0) return -result;
    ring_ = &ring;
    io_uring_buf_ring_init(reinterpret_cast<io_uring_buf_ring*>(entries_.bytes().data()));
    for (unsigned index = 0; index < count; ++index) give_back(index);
    return 0;
}

void SharedBuffers::give_back(unsigned index) {
    auto& entries = *reinterpret_cast<io_uring_buf_ring*>(entries_.bytes().data());
    io_uring_buf_ring_add(&entries, memory_.bytes().data() + std::size_t{index} * size, size,
                          static_cast<std::uint16_t>(index), io_uring_buf_ring_mask(count), 0);
    io_uring_buf_ring_advance(&entries, 1);
}

SocketPtr UringLoop::adopt(int fd) {
    // The ring waits by itself, but not on a descriptor that says it would rather not.
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0);
    if (multishot_) multishot_ = buffers_.enlist(ring_) == 0;
    return SocketPtr(new UringSocket(*this, fd));
}

void UringLoop::ask_for_sockets() {
    for (UringSocket* socket : attended_) socket->ask();
    attended_.clear();
}

UringSocket::UringSocket(UringLoop& loop, int fd) : Socket(fd), loop_(loop) {
    ++loop_.sockets_;
    attend();
}

UringSocket::~UringSocket() {
    --loop_.sockets_;
    --loop_.closed_;
}

// What is in flight ends by the shutdown; until then the kernel knows this socket and its memory.
void UringSocket::close() {
    closed_ = true;
    ++loop_.closed_;
    fail(ECONNABORTED);
    if (attended_) std::erase(loop_.attended_, this);
    if (!receiving_ && !sending_) delete this;
}

void UringSocket::attend() {
    if (attended_ || closed_) return;
    attended_ = true;
    loop_.attended_.push_back(this);
}

std::uint64_t UringSocket::data_of(Request request) const {
    return reinterpret_cast<std::uintptr_t>(this) | socket_tag |
           static_cast<std::uint64_t>(request);
}

void UringSocket::ask() {
    attended_ = false;
    if (may_receive() && !receiving_) ask_to_receive();
    if (may_send() && !sending_) ask_to_send();
}

void UringSocket::ask_to_receive() {
    io_uring_sqe& entry = loop_.entry();
    if (loop_.multishot_) {
        io_uring_prep_recv_multishot(&entry, fd(), nullptr, 0, 0);
        entry.flags |= IOSQE_BUFFER_SELECT;
        entry.buf_group = SharedBuffers::group;
    } else {
        const ByteSpan room = inbox_room(piece);
        io_uring_prep_recv(&entry, fd(), room.data(), room.size(), 0);
    }
    entry.user_data = data_of(Request::receive);
    receiving_ = true;
}

void UringSocket::ask_to_send() {
    const ByteView bytes = to_send();
    io_uring_sqe& entry = loop_.entry();
    const int flags = MSG_NOSIGNAL | (patient_ ? 0 : MSG_DONTWAIT);
    io_uring_prep_send(&entry, fd(), bytes.data(), bytes.size(), flags);
    entry.user_data = data_of(Request::send);
    sending_ = true;
    prompt_ = !patient_ && !sending_awaited() && bytes.size() <= surely_fits;
    if (prompt_) ++loop_.prompt_;
    ++loop_.counts_.sends;
}

void UringSocket::answered(Request request, int result, unsigned flags) {
    request == Request::send ? sent(result) : received(result, flags);
    if (closed_ && !receiving_ && !sending_) delete this;
}

void UringSocket::received(int result, unsigned flags) {
    if ((flags & IORING_CQE_F_MORE) == 0) receiving_ = stopping_ = false;
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
        const unsigned index = flags >> IORING_CQE_BUFFER_SHIFT;
        if (result > 0) {
            const auto count = static_cast<std::size_t>(result);
            std::memcpy(inbox_room(count).data(), loop_.buffers_.at(index).data(), count);
        }
        loop_.buffers_.give_back(index);
    }
    if (result >= 0) {
        if (result > 0) ++loop_.counts_.receives;
        note_received(static_cast<std::size_t>(result));
    } else if (result == -EINVAL && loop_.multishot_) {
        loop_.multishot_ = false;  // shared buffers, but no multishot: a kernel before 6.0
    } else if (result != -ENOBUFS && result != -ECANCELED && result != -EINTR) {
        fail(-result);
    }
    if (may_receive() && !receiving_) return attend();
    if (may_receive() || !receiving_ || stopping_ || !loop_.multishot_) return;

    // Nobody takes what arrives: the kernel must not go on filling everybody's buffers with it.
    io_uring_sqe& cancel = loop_.entry();
    io_uring_prep_cancel64(&cancel, data_of(Request::receive), 0);
    cancel.user_data = nobodys;
    stopping_ = true;
}

void UringSocket::sent(int result) {
    sending_ = false;
    if (prompt_) --loop_.prompt_;
    prompt_ = false;
    patient_ = false;
    if (result >= 0) {
        note_sent(static_cast<std::size_t>(result));
    } else if (result == -EAGAIN || result == -EINTR) {
        patient_ = true;
    } else {
        fail(-result);
    }
    if (may_send()) attend();
}

}  // namespace diskpaxos::io
