#include <sys/uio.h>

#include <algorithm>

#include "base/check.hpp"
#include "io/uring.hpp"

namespace diskpaxos::io {

UringDisk::UringDisk(UringLoop& loop, const OpenDisk& disk, std::uint32_t block_size)
    : loop_(loop),
      descriptor_(disk.descriptor()),
      name_(disk.path()),
      bytes_(disk.facts().bytes),
      logical_block_size_(disk.facts().logical_block_size),
      block_size_(block_size),
      blocks_(disk.facts().bytes / block_size),
      most_flying_(disk.facts().block_device ? most_in_flight : most_in_flight_of_file) {
    CHECK(block_size % disk.facts().logical_block_size == 0);
    loop_.disks_.push_back(this);
    loop_.usual_.reserve(loop_.disks_.size());  // so that gathering never allocates
}

UringDisk::~UringDisk() {
    loop_.submit();  // what the kernel has not seen yet names the descriptor by its number
    std::erase(loop_.disks_, this);
    while (Io* io = waiting_.pop()) abandon(*io);
    if (flying_ == 0) return;
    for (Io* io : in_flight_) {
        if (io != nullptr) abandon(*io);
    }
    loop_.resting_.push_back(std::move(descriptor_));
}

bool UringDisk::use_block_size(std::uint32_t bytes) {
    if (bytes == block_size_) return true;
    if (bytes % logical_block_size_ != 0) return false;
    if (!waiting_.empty()) return false;  // they count in the old size
    block_size_ = bytes;
    blocks_ = bytes_ / bytes;
    return true;
}

void UringDisk::submit(Io& io) {
    CHECK(!writes(io) || io.to.first + io.to.count <= blocks_);
    Flight& flight = board(io);
    flight.disk = this;
    flight.started = loop_.now().time_since_epoch().count();
    if (flying_ < most_flying_) {
        start(io);
    } else {
        waiting_.push(io);
    }
}

void UringDisk::start(Io& io) {
    Flight& flight = flight_of(io);
    const auto place = std::ranges::find(in_flight_, nullptr);
    flight.place = static_cast<std::uint8_t>(place - in_flight_.begin());
    *place = &io;
    ++flying_;
    started_ = flight.started;
    writing_ = writes(io);
    loop_.make_room(2);  // a chain that is cut in two by a submission is no chain
    if (writes(io)) enqueue(io, Step::write);
    if (reads(io)) enqueue(io, Step::read);
}

void UringDisk::enqueue(Io& io, Step step) {
    io_uring_sqe& entry = loop_.entry();
    const int fd = descriptor_->number();
    if (step == Step::write) {
        const ByteView bytes = io.out.bytes();
        io_uring_prep_write(&entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()),
                            io.to.first * block_size_);
        entry.rw_flags = RWF_DSYNC;
        if (io.kind == Io::Kind::visit) entry.flags |= IOSQE_IO_LINK;
        ++loop_.counts_.writes;
    } else {
        const ByteSpan bytes = io.in.bytes();
        io_uring_prep_read(&entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()),
                           io.from.first * block_size_);
        ++loop_.counts_.reads;
    }
    entry.user_data = reinterpret_cast<std::uintptr_t>(&io) | static_cast<std::uintptr_t>(step);
    ++flight_of(io).pending;
    ++due_;
    ++fresh_;
}

void UringDisk::answered(Io& io, Step step, int result) {
    Flight& flight = flight_of(io);
    if (step == Step::write) {
        flight.write_error = error_of_write(result, io.out.size());
    } else {
        flight.read_error = error_of_read(result, io.in.size());
    }
    CHECK(flight.pending > 0 && due_ > 0);
    --due_;
    if (--flight.pending > 0) return;  // believe nothing before both steps have been answered

    in_flight_[flight.place] = nullptr;
    --flying_;
    settle(io, loop_.now().time_since_epoch().count());
    if (io.error == 0) learn(writes(io) ? usual_write_ : usual_read_, io.nanoseconds);
    io.finish();
    if (Io* next = waiting_.pop()) start(*next);
}

// A moving average over about eight requests, in which one hiccup may not weigh too much.
void UringDisk::learn(std::uint64_t& usual, std::uint64_t nanoseconds) {
    const std::uint64_t bounded = usual == 0 ? nanoseconds : std::min(nanoseconds, 4 * usual);
    usual = usual == 0 ? bounded : usual - usual / 8 + bounded / 8;
}

}  // namespace diskpaxos::io
