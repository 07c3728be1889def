// The floor under our ratios: what one phase costs without any protocol. A bare loop that does one
// linked durable write and row read on each disk, all in one submission, as often as asked.
//
//   diskpaxos-bare-loop ROUNDS BLOCK_SIZE ROW_BYTES DISK...      (DISK is PATH or PATH@OFFSET)
//
// It overwrites one block of each disk at OFFSET (default 0): scratch disks only.
#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct BareDisk {
    int fd = -1;
    std::uint64_t offset = 0;
    void* block = nullptr;
    void* row = nullptr;
};

struct Round {
    double majority = 0;  // microseconds until more than half of the disks had answered
    double all = 0;
};

[[noreturn]] void fail(const std::string& sentence) {
    fmt::print(stderr, "diskpaxos-bare-loop: {}\n", sentence);
    std::exit(1);
}

BareDisk open_disk(std::string path, std::size_t block_size, std::size_t row_bytes) {
    BareDisk disk;
    if (const auto at = path.rfind('@'); at != std::string::npos) {
        disk.offset = std::strtoull(path.c_str() + at + 1, nullptr, 10);
        path.resize(at);
    }
    disk.fd = open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (disk.fd < 0) fail(fmt::format("{}: {}", path, std::strerror(errno)));
    if (posix_memalign(&disk.block, 4096, block_size) != 0) fail("no memory");
    if (posix_memalign(&disk.row, 4096, row_bytes) != 0) fail("no memory");
    std::memset(disk.block, 0x5a, block_size);
    return disk;
}

void queue_visit(io_uring& ring, const BareDisk& disk, unsigned block_size, unsigned row_bytes) {
    io_uring_sqe* write = io_uring_get_sqe(&ring);
    io_uring_prep_write(write, disk.fd, disk.block, block_size, disk.offset);
    write->rw_flags = RWF_DSYNC;
    write->flags |= IOSQE_IO_LINK;
    write->user_data = block_size;
    io_uring_sqe* read = io_uring_get_sqe(&ring);
    io_uring_prep_read(read, disk.fd, disk.row, row_bytes, disk.offset);
    read->user_data = row_bytes;
}

// Waits for `count` more completions; the kernel wakes us once they are all there.
void collect(io_uring& ring, unsigned count, unsigned row_bytes, unsigned& rows) {
    for (unsigned i = 0; i < count; ++i) {
        io_uring_cqe* answer = nullptr;
        if (io_uring_wait_cqe(&ring, &answer) != 0) fail("io_uring_wait_cqe failed");
        if (answer->res < 0 || static_cast<std::uint64_t>(answer->res) != answer->user_data) {
            fail(fmt::format("an I/O failed or was short: {}", answer->res));
        }
        if (answer->user_data == row_bytes) ++rows;
        io_uring_cqe_seen(&ring, answer);
    }
}

Round run_round(io_uring& ring, const std::vector<BareDisk>& disks, unsigned block_size,
                unsigned row_bytes) {
    const auto start = Clock::now();
    const auto elapsed = [start] {
        return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    };
    for (const BareDisk& disk : disks) queue_visit(ring, disk, block_size, row_bytes);
    const auto count = static_cast<unsigned>(disks.size());
    const unsigned needed = count / 2 + 1;
    if (io_uring_submit_and_wait(&ring, 2 * needed) < 0) fail("io_uring_submit_and_wait failed");
    unsigned rows = 0;
    unsigned left = 2 * count;
    Round round;
    for (; left > 0; --left) {
        collect(ring, 1, row_bytes, rows);
        if (rows == needed && round.majority == 0) round.majority = elapsed();
    }
    round.all = elapsed();
    return round;
}

double percentile(std::vector<double> values, std::size_t percent) {
    std::ranges::sort(values);
    return values[std::min(values.size() - 1, values.size() * percent / 100)];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) fail("usage: diskpaxos-bare-loop ROUNDS BLOCK_SIZE ROW_BYTES DISK[@OFFSET]...");
    const auto rounds = std::strtoul(argv[1], nullptr, 10);
    const auto block_size = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    const auto row_bytes = static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10));
    if (rounds == 0 || block_size == 0 || row_bytes <= block_size) {
        fail("ROUNDS and BLOCK_SIZE must be positive, ROW_BYTES larger than BLOCK_SIZE");
    }
    std::vector<BareDisk> disks;
    for (int i = 4; i < argc; ++i) disks.push_back(open_disk(argv[i], block_size, row_bytes));
    io_uring ring{};
    if (io_uring_queue_init(256, &ring, 0) != 0) fail("io_uring is refused");

    for (int warm = 0; warm < 20; ++warm) run_round(ring, disks, block_size, row_bytes);
    std::vector<double> majority;
    std::vector<double> all;
    for (unsigned long i = 0; i < rounds; ++i) {
        const Round round = run_round(ring, disks, block_size, row_bytes);
        majority.push_back(round.majority);
        all.push_back(round.all);
    }
    fmt::print("majority p50={:.1f} p99={:.1f} all p50={:.1f} p99={:.1f} microseconds\n",
               percentile(majority, 50), percentile(majority, 99), percentile(all, 50),
               percentile(all, 99));
    io_uring_queue_exit(&ring);
    return 0;
}
