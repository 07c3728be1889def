// The floor under our ratios: our exact I/O pattern without any protocol, by nothing of ours.
//
// A stream's round is, on each disk, one durable write of a block and, linked to it, one read of a
// row. It has taken its time when a majority of the disks has answered; the next begins when all
// have. Rounds that are ready at the same time go down in one submission, which is also the wait.
//
// Every stream has a row of its own, and writes what stands there already: nothing is ever changed,
// unless somebody else writes there at the same time.
#pragma once

#include <liburing.h>

#include <memory>

#include "bench/yardstick/stage.hpp"

namespace diskpaxos::yardstick {

void bare(const Wish& wish);

struct BareDisk {
    int fd = -1;
    std::vector<std::uint64_t> rows;  // where each stream of this process reads, and writes first
};

// One process of it. Floors are low: no allocation on the way, registered buffers and files, no
// completion for a write that went well, one look at the clock in each turn.
class BareLoop {
  public:
    BareLoop(std::vector<BareDisk> disks, unsigned streams, unsigned block_bytes,
             unsigned row_bytes);
    BareLoop(const BareLoop&) = delete;
    BareLoop& operator=(const BareLoop&) = delete;
    ~BareLoop();

    void run(Meter& meter);

  private:
    struct Stream {
        Moment start;
        unsigned answers = 0;  // of this round, from disks that have done both
    };

    void make_ring();
    void fill_blocks();
    void ask(unsigned stream);
    void enter();
    void reap(Meter& meter);
    void answered(unsigned stream, Moment at, Meter& meter);
    std::byte* block(unsigned stream, std::size_t disk) const;
    std::byte* row(unsigned stream, std::size_t disk) const { return block(stream, disk) + room_; }

    const std::vector<BareDisk> disks_;
    const unsigned majority_;
    const unsigned block_bytes_;
    const unsigned row_bytes_;
    const std::size_t room_;  // of a block in memory
    std::unique_ptr<std::byte[], void (*)(void*)> memory_;
    std::vector<Stream> streams_;
    std::vector<unsigned> ready_;  // streams whose next round may begin
    io_uring ring_{};
    bool registered_ = false;
    unsigned wanted_ = 0;     // answers that a majority of the rounds under way still lack
    unsigned in_flight_ = 0;  // answers
    bool going_on_ = true;
    io::Counts counts_;
};

}  // namespace diskpaxos::yardstick
