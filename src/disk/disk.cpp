#include "disk/disk.hpp"

#include <utility>

#include "base/check.hpp"

namespace diskpaxos {

void RecycleIo::operator()(Io* io) const {
    io->disk_->spare_.emplace_back(io);  // disk_ is set by prepare(), the only source of requests
}

IoPtr Disk::prepare(Io::Kind kind, Extent to, Extent from) {
    std::unique_ptr<Io> io;
    if (spare_.empty()) {
        io = std::make_unique<Io>();
        spare_.reserve(spare_.capacity() + 1);  // so that recycling never allocates
    } else {
        io = std::move(spare_.back());
        spare_.pop_back();
    }
    io->kind = kind;
    io->to = to;
    io->from = from;
    io->out.resize(to.count * block_size());
    io->in.resize(from.count * block_size());
    io->error = 0;
    io->wrote = false;
    io->nanoseconds = 0;
    io->disk_ = this;
    io->waiter_ = nullptr;
    io->answered_ = false;
    return IoPtr(io.release());
}

void Io::finish() {
    CHECK(!answered_);
    answered_ = true;
    if (waiter_ != nullptr) {
        waiter_->wake();
    } else {
        RecycleIo{}(this);
    }
}

IoPtr Transfer::await_resume() {
    CHECK(io_->answered_);
    return IoPtr(std::exchange(io_, nullptr));
}

Transfer::~Transfer() {
    if (io_ == nullptr) return;
    const bool in_flight = io_->waiter_ != nullptr && !io_->answered_;
    io_->waiter_ = nullptr;
    if (!in_flight) RecycleIo{}(io_);
}

}  // namespace diskpaxos
