#include "io/socket.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "base/check.hpp"

namespace diskpaxos::io {

namespace {

constexpr std::size_t most_kept = 64 * 1024;  // of memory that a burst has asked for

}  // namespace

ByteSpan Socket::Inbox::room(std::size_t least) {
    if (memory_.size() - end_ < least && begin_ > 0) {
        std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (memory_.size() - end_ < least) memory_.resize(end_ + least);
    return ByteSpan(memory_).subspan(end_);
}

void Socket::Inbox::take(std::size_t count) {
    CHECK(count <= end_ - begin_);
    begin_ += count;
}

Socket::Socket(int fd) : fd_(fd) {
    room_.set();
    drained_.set();
}

Socket::~Socket() {
    ::close(fd_);
}

void Socket::take(std::size_t count) {
    const bool stopped = !may_receive();
    inbox_.take(count);
    if (received().empty() && !over_) arrived_.reset();
    if (stopped && may_receive()) attend();
}

void Socket::note_received(std::size_t count) {
    if (over_) return;
    if (count == 0) return end(0);
    inbox_.filled(count);
    arrived_.set();
}

void Socket::send(ByteView bytes) {
    if (error_ != 0 || bytes.empty()) return;
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    drained_.reset();
    if (unsent() >= most_unsent) room_.reset();
    attend();
}

ByteView Socket::to_send() {
    if (sent_ == flying_.size()) {
        flying_.clear();
        sent_ = 0;
        std::swap(flying_, waiting_);
    }
    return ByteView(flying_).subspan(sent_);
}

void Socket::note_sent(std::size_t count) {
    CHECK(count <= flying_.size() - sent_);
    sent_ += count;
    if (unsent() < most_unsent) room_.set();
    if (unsent() > 0) return;
    drained_.set();
    if (flying_.capacity() > most_kept) flying_ = Bytes();
    if (waiting_.capacity() > most_kept) waiting_ = Bytes();
    if (flying_.empty()) sent_ = 0;
}

void Socket::fail(int error) {
    CHECK(error != 0);
    shutdown(fd_, SHUT_RDWR);  // so that requests in flight end
    end(error);
}

void Socket::end(int error) {
    over_ = true;
    if (error_ == 0) error_ = error;
    arrived_.set();
    if (error_ == 0) return;
    room_.set();
    drained_.set();
}

}  // namespace diskpaxos::io
