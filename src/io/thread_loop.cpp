#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "io/threads.hpp"

namespace diskpaxos::io {

Mailbox::Mailbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Mailbox::~Mailbox() {
    close(fd_);
}

void Mailbox::put(Io& io) {
    const std::lock_guard guard(mutex_);
    const bool first = answered_.empty();
    answered_.push(io);
    if (first) CHECK(eventfd_write(fd_, 1) == 0);
}

IoFifo Mailbox::take_all() {
    const std::lock_guard guard(mutex_);
    eventfd_t count = 0;
    eventfd_read(fd_, &count);  // fails if there was nothing to take, which is fine
    return std::exchange(answered_, {});
}

ThreadLoop::~ThreadLoop() {
    CHECK(attached_ == 0 && sockets_.empty());
}

std::unique_ptr<Disk> ThreadLoop::attach(const OpenDisk& disk, std::uint32_t block_size) {
    return std::make_unique<ThreadDisk>(*this, disk, block_size);
}

SocketPtr ThreadLoop::adopt(int fd) {
    return SocketPtr(new ThreadSocket(*this, fd));
}

void ThreadLoop::submit() {  // the disks' threads have theirs already
    for (ThreadSocket* socket : sockets_) socket->send_now();
}

void ThreadLoop::turn(Duration longest) {
    submit();
    if (!queue().empty()) longest = Duration::zero();  // somebody waited for what was sent
    polled_.assign(1, pollfd{mailbox_->fd(), POLLIN, 0});
    for (const Watch& watch : watches_) {
        polled_.push_back({watch.due() ? watch.fd : -1, watch.events, 0});  // -1: passed over
    }
    for (ThreadSocket* socket : sockets_) polled_.push_back(socket->wish());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
    const timespec time{.tv_sec = seconds.count(), .tv_nsec = (longest - seconds).count()};
    ppoll(polled_.data(), polled_.size(), &time, nullptr);
    ++counts_.waits;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        if (polled_[i + 1].revents != 0) watches_[i].ready->set();
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
        sockets_[i]->move(polled_[i + 1 + watches_.size()].revents);
    }
    hand_out();
}

void ThreadLoop::hand_out() {
    IoFifo answered = mailbox_->take_all();
    while (Io* io = answered.pop()) {
        settle(*io, now().time_since_epoch().count());
        io->finish();
    }
}

}  // namespace diskpaxos::io
