#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.hpp"
#include "io/signals_blocked.hpp"
#include "io/threads.hpp"

namespace diskpaxos::io {

namespace {

std::int64_t or_error(ssize_t result) {
    return result < 0 ? -errno : result;
}

}  // namespace

ThreadDisk::ThreadDisk(ThreadLoop& loop, const OpenDisk& disk, std::uint32_t block_size)
    : loop_(loop),
      shared_(std::make_shared<Shared>()),
      name_(disk.path()),
      bytes_(disk.facts().bytes),
      logical_block_size_(disk.facts().logical_block_size),
      blocks_(disk.facts().bytes / block_size) {
    CHECK(block_size % disk.facts().logical_block_size == 0);
    shared_->descriptor = disk.descriptor();
    shared_->mailbox = loop.mailbox_;
    shared_->block_size = block_size;
    ++loop_.attached_;
    const SignalsBlocked blocked;
    for (unsigned place = 0; place < threads_per_disk; ++place) {
        threads_[place] = std::thread(serve, shared_, place);
    }
}

ThreadDisk::~ThreadDisk() {
    std::array<bool, threads_per_disk> hung{};
    {
        const std::lock_guard guard(shared_->mutex);
        shared_->closed = true;
        while (Io* io = shared_->waiting.pop()) abandon(*io);
        for (unsigned place = 0; place < threads_per_disk; ++place) {
            Io* io = shared_->in_flight[place];
            hung[place] = io != nullptr;
            if (io != nullptr) abandon(*io);
        }
    }
    shared_->work.notify_all();
    for (unsigned place = 0; place < threads_per_disk; ++place) {
        hung[place] ? threads_[place].detach() : threads_[place].join();
    }
    // Answers that were never fetched would be finished into a disk that is gone.
    IoFifo answered = loop_.mailbox_->take_all();
    while (Io* io = answered.pop()) {
        flight_of(*io).disk == this ? abandon(*io) : loop_.mailbox_->put(*io);
    }
    --loop_.attached_;
}

bool ThreadDisk::use_block_size(std::uint32_t bytes) {
    const std::lock_guard guard(shared_->mutex);
    if (bytes == shared_->block_size) return true;
    if (bytes % logical_block_size_ != 0 || !shared_->waiting.empty()) return false;
    for (const Io* io : shared_->in_flight) {
        if (io != nullptr) return false;  // it counts in the old size
    }
    shared_->block_size = bytes;
    blocks_ = bytes_ / bytes;
    return true;
}

void ThreadDisk::submit(Io& io) {
    CHECK(!writes(io) || io.to.first + io.to.count <= blocks_);
    Flight& flight = board(io);
    flight.disk = this;
    flight.started = loop_.now().time_since_epoch().count();
    if (writes(io)) ++loop_.counts_.writes;
    if (reads(io)) ++loop_.counts_.reads;
    {
        const std::lock_guard guard(shared_->mutex);
        shared_->waiting.push(io);
    }
    shared_->work.notify_one();
}

void ThreadDisk::serve(std::shared_ptr<Shared> shared, unsigned place) {
    std::unique_lock guard(shared->mutex);
    for (;;) {
        shared->work.wait(guard, [&] { return shared->closed || !shared->waiting.empty(); });
        if (shared->closed) return;
        Io& io = *shared->waiting.pop();
        shared->in_flight[place] = &io;
        guard.unlock();
        perform(*shared, io);
        guard.lock();
        shared->in_flight[place] = nullptr;
        if (shared->closed) return;  // the request was abandoned while we carried it
        shared->mailbox->put(io);
    }
}

void ThreadDisk::perform(const Shared& shared, Io& io) {
    const int fd = shared.descriptor->number();
    Flight& flight = flight_of(io);
    if (writes(io)) {
        const iovec part{io.out.bytes().data(), io.out.size()};
        const auto at = static_cast<off_t>(io.to.first * shared.block_size);
        flight.write_error =
            error_of_write(or_error(pwritev2(fd, &part, 1, at, RWF_DSYNC)), io.out.size());
        if (flight.write_error != 0) return;  // as a link would: no read after a failed write
    }
    if (reads(io)) {
        const auto at = static_cast<off_t>(io.from.first * shared.block_size);
        flight.read_error = error_of_read(
            or_error(pread(fd, io.in.bytes().data(), io.in.size(), at)), io.in.size());
    }
}

}  // namespace diskpaxos::io
