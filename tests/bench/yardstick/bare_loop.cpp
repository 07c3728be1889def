#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.hpp"
#include "bench/yardstick/bare.hpp"

namespace diskpaxos::yardstick {

namespace {

constexpr std::size_t page = 4096;

constexpr std::size_t whole_pages(std::size_t bytes) {
    return (bytes + page - 1) / page * page;
}

}  // namespace

BareLoop::BareLoop(std::vector<BareDisk> disks, unsigned streams, unsigned block_bytes,
                   unsigned row_bytes)
    : disks_(std::move(disks)),
      majority_(static_cast<unsigned>(disks_.size()) / 2 + 1),
      block_bytes_(block_bytes),
      row_bytes_(row_bytes),
      room_(whole_pages(block_bytes)),
      memory_(nullptr, std::free),
      streams_(streams) {
    const std::size_t bytes = streams * disks_.size() * (room_ + whole_pages(row_bytes));
    memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page, bytes)));
    CHECK(memory_ != nullptr);
    std::memset(memory_.get(), 0, bytes);
    ready_.reserve(streams);
    fill_blocks();
    make_ring();
    std::vector<int> files;
    for (const BareDisk& disk : disks_) files.push_back(disk.fd);
    const iovec buffer{memory_.get(), bytes};
    registered_ =
        io_uring_register_files(&ring_, files.data(), static_cast<unsigned>(files.size())) == 0 &&
        io_uring_register_buffers(&ring_, &buffer, 1) == 0;
}

BareLoop::~BareLoop() {
    io_uring_queue_exit(&ring_);
    for (const BareDisk& disk : disks_) close(disk.fd);
}

std::byte* BareLoop::block(unsigned stream, std::size_t disk) const {
    return memory_.get() + (stream * disks_.size() + disk) * (room_ + whole_pages(row_bytes_));
}

void BareLoop::make_ring() {
    const auto answers = static_cast<unsigned>(streams_.size() * disks_.size());
    constexpr std::array<unsigned, 3> wishes = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, 0};
    int refusal = 0;
    for (const unsigned flags : wishes) {
        refusal = io_uring_queue_init(std::bit_ceil(2 * answers), &ring_, flags);
        if (refusal != -EINVAL) break;
    }
    if (refusal != 0) fail(fmt::format("io_uring is refused: {}", std::strerror(-refusal)));
    if ((ring_.features & IORING_FEAT_CQE_SKIP) == 0) fail("the bare loop needs kernel 5.17");
    io_uring_register_ring_fd(&ring_);
    std::array<unsigned, 2> threads = {answers, answers};  // for files that cannot be asked without
    io_uring_register_iowq_max_workers(&ring_, threads.data());
}

void BareLoop::fill_blocks() {
    for (unsigned stream = 0; stream < streams_.size(); ++stream) {
        for (std::size_t disk = 0; disk < disks_.size(); ++disk) {
            const auto at = static_cast<off_t>(disks_[disk].rows[stream]);
            const ssize_t got = pread(disks_[disk].fd, block(stream, disk), block_bytes_, at);
            if (got == static_cast<ssize_t>(block_bytes_)) continue;
            fail(fmt::format("disk {} has no block for stream {} of this process", disk, stream));
        }
    }
}

void BareLoop::ask(unsigned stream) {
    for (std::size_t i = 0; i < disks_.size(); ++i) {
        const BareDisk& disk = disks_[i];
        const std::uint64_t at = disk.rows[stream];
        io_uring_sqe* const write = io_uring_get_sqe(&ring_);
        io_uring_sqe* const read = io_uring_get_sqe(&ring_);
        if (registered_) {
            const int fd = static_cast<int>(i);
            io_uring_prep_write_fixed(write, fd, block(stream, i), block_bytes_, at, 0);
            io_uring_prep_read_fixed(read, fd, row(stream, i), row_bytes_, at, 0);
            write->flags |= IOSQE_FIXED_FILE;
            read->flags |= IOSQE_FIXED_FILE;
        } else {
            io_uring_prep_write(write, disk.fd, block(stream, i), block_bytes_, at);
            io_uring_prep_read(read, disk.fd, row(stream, i), row_bytes_, at);
        }
        write->rw_flags = RWF_DSYNC;
        write->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
        write->user_data = stream;
        read->user_data = stream;
    }
    streams_[stream].answers = 0;
    const auto disks = static_cast<unsigned>(disks_.size());
    in_flight_ += disks;
    wanted_ += majority_;
    counts_.writes += disks;
    counts_.reads += disks;
}

// One round waits for its majority. Of many, a quarter: to wait for all would leave the disks idle
// in between, and to wait for each would cost a system call for each.
void BareLoop::enter() {
    ++(io_uring_sq_ready(&ring_) > 0 ? counts_.submissions : counts_.waits);
    const unsigned enough = std::max(wanted_ / 4, std::min(wanted_, majority_));
    const int result = io_uring_submit_and_wait(&ring_, std::max(enough, 1U));
    if (result < 0 && result != -EINTR) {
        fail(fmt::format("io_uring_enter: {}", std::strerror(-result)));
    }
}

void BareLoop::run(Meter& meter) {
    for (unsigned stream = 0; stream < streams_.size(); ++stream) ready_.push_back(stream);
    Moment start = now();
    while (going_on_ || in_flight_ > 0) {
        for (const unsigned stream : ready_) {
            if (!going_on_) break;
            streams_[stream].start = start;
            ask(stream);
        }
        ready_.clear();
        if (in_flight_ == 0) break;
        enter();
        reap(meter);
        start = now();
    }
}

void BareLoop::reap(Meter& meter) {
    const Moment at = now();
    unsigned count = 0;
    unsigned head = 0;
    io_uring_cqe* answer = nullptr;
    io_uring_for_each_cqe(&ring_, head, answer) {
        ++count;
        if (answer->res != static_cast<int>(row_bytes_)) {
            fail(fmt::format("an I/O failed or was short: {}", answer->res));
        }
        answered(static_cast<unsigned>(answer->user_data), at, meter);
    }
    io_uring_cq_advance(&ring_, count);
    in_flight_ -= count;
}

void BareLoop::answered(unsigned stream, Moment at, Meter& meter) {
    Stream& one = streams_[stream];
    ++one.answers;
    if (one.answers <= majority_) --wanted_;
    if (one.answers == majority_) {
        meter.note(0, one.start, at);
        if (!meter.lap(counts_, at)) going_on_ = false;
    }
    if (one.answers == disks_.size()) ready_.push_back(stream);
}

}  // namespace diskpaxos::yardstick
