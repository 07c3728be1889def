// Disk: the one thing that processes share.
//
// Contract (design: "Contracts that everything rests on"):
//  - A write of one block is atomic; a longer one is not. A write is durable when it is answered.
//  - A write that was submitted MAY STILL HAPPEN after an error, a time-out or the death of its
//    writer. Nothing is ever cancelled: a waiter may stop waiting, the request goes on and keeps
//    its buffers until the disk itself answers.
//  - Two requests in flight are not ordered. The one exception is `visit`, a write and then a
//    read that starts only after the write is durable; it fails as a whole if the write fails.
//  - Answers come from the loop, never from inside submit().
//
// An *active* disk can do more: a `step`, one atomic read-modify-write of one block (step.hpp). It
// is durable when it is answered; one that was answered with an error may have happened, or may
// still happen, as a write.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "async/run_queue.hpp"
#include "base/rank.hpp"
#include "disk/buffer.hpp"

namespace diskpaxos {

struct Extent {  // blocks [first, first + count)
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

class Disk;
enum class StepVerdict : std::uint8_t;
// format: to write what steps may not, damaged registers among it; whatever the name.
enum class Right : std::uint8_t { read, write, format };

// One request to one disk. It owns its buffers.
class Io {
  public:
    // step: `out` is the request (step.hpp) to the register at `to`, and `in` will be the block as
    // it stood before. watch: a read that is answered when the register at `from` has accepted a
    // higher rank than `rank`; or earlier, at the disk's discretion.
    enum class Kind : std::uint8_t { read, write, visit, step, watch };

    Kind kind = Kind::read;
    Extent to;    // write, visit, step: where `out` goes
    Buffer out;
    Extent from;  // read, visit, step, watch: what is read into `in`
    Buffer in;
    Rank rank;          // step: of the phase; watch: see there
    StepVerdict verdict{};  // step: what became of it, if there was no error
    std::uint64_t limit = 0;  // step, above the ceiling: the highest round that would have been let in

    int error = 0;        // errno of the step that failed, 0 if every step was done
    bool wrote = false;   // the write was answered as durable
    std::uint64_t nanoseconds = 0;  // from submission to answer; 0 where the disk does not measure

    // For disks: the request has been answered. Wakes whoever waits; recycles it if nobody does.
    void finish();

    // Scratch space of the disk that carries the request.
    std::uint64_t scratch[4] = {};

  private:
    friend class Disk;
    friend class Transfer;
    friend struct RecycleIo;
    Disk* disk_ = nullptr;
    Runnable* waiter_ = nullptr;
    bool answered_ = false;
};

struct RecycleIo {
    void operator()(Io* io) const;
};
using IoPtr = std::unique_ptr<Io, RecycleIo>;

class Disk {
  public:
    Disk() = default;
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    virtual ~Disk() = default;

    virtual std::uint32_t block_size() const = 0;  // bytes, 512 or 4096
    virtual std::uint64_t blocks() const = 0;      // how many whole blocks there are
    virtual std::string_view name() const = 0;     // as a person named it

    // Whether it takes steps and watches; a passive one is never asked to.
    virtual bool active() const { return false; }

    // Whether its keeper, if it has one, lets us read or change registers of this name. One that it
    // does not let us see is answered with EACCES. `name` "": every name.
    virtual bool lets(Right, std::string_view) const { return true; }

    // The time of day at its keeper, now, in unix ms; nothing where it has none, or does not tell.
    virtual std::optional<std::uint64_t> keeper_ms() const { return {}; }

    // Switches to the block size that the superblock names. False if this disk cannot.
    virtual bool use_block_size(std::uint32_t bytes) { return bytes == block_size(); }

    // An empty request, its buffers sized: `to.count` and `from.count` blocks.
    IoPtr prepare(Io::Kind kind, Extent to, Extent from);

  protected:
    friend class Transfer;
    virtual void submit(Io& io) = 0;  // takes over the request until io.finish()

    // For a disk that stands before another one: the request is the other's now.
    static void hand_on(Disk& other, Io& io) { other.submit(io); }

    // Whether nobody waits for a request any more.
    static bool abandoned(const Io& io) { return io.waiter_ == nullptr; }

  private:
    friend struct RecycleIo;
    std::vector<std::unique_ptr<Io>> spare_;
};

// co_await Transfer(disk, std::move(io)): hands the request to the disk and comes back with it
// when the disk has answered. If the waiting frame dies, the request lives on without it.
class [[nodiscard]] Transfer {
  public:
    Transfer(Disk& disk, IoPtr io) : disk_(disk), io_(io.release()) {}
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer();

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) {
        io_->waiter_ = &handle.promise().self;
        disk_.submit(*io_);
    }
    IoPtr await_resume();

  private:
    Disk& disk_;
    Io* io_;
};

}  // namespace diskpaxos
