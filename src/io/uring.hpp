// The first backend: one io_uring for all disks and sockets.
//
// A visit goes down as a write and, linked to it, a read: the kernel starts the read only when the
// whole write is durable. Nothing is ever cancelled. A disk that hangs may have so many requests
// in flight and no more; its others wait in its own queue and nobody else's.
//
// A send is tried at once and without waiting, so that its completion comes with the submission,
// and the same system call waits for what is worth waking up for. A receive stays armed (multishot)
// where the kernel has that, and then shares its buffers with all other sockets.
#pragma once

#include <liburing.h>

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "io/flight.hpp"
#include "io/loop.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::io {

class UringDisk;
class UringSocket;

// Buffers that receives share: the kernel picks one for what arrives (5.19 and later).
class SharedBuffers {
  public:
    static constexpr unsigned count = 256;
    static constexpr unsigned size = 4096;
    static constexpr std::uint16_t group = 1;

    int enlist(io_uring& ring);  // 0, or the errno of the refusal
    ByteView at(unsigned index) const {
        return ByteView(memory_.bytes()).subspan(index * size, size);
    }
    void give_back(unsigned index);

  private:
    io_uring* ring_ = nullptr;
    Buffer entries_;
    Buffer memory_;
};

class UringLoop final : public Loop {
  public:
    // Or the errno of the refusal. Without multishot it does what an older kernel makes it do.
    static std::expected<std::unique_ptr<UringLoop>, int> make(bool multishot = true);
    ~UringLoop() override;

    std::unique_ptr<Disk> attach(const OpenDisk& disk, std::uint32_t block_size) override;
    SocketPtr adopt(int fd) override;
    const char* backend() const override { return "io_uring"; }

  protected:
    void turn(Duration longest) override;
    void submit() override;
    void forget(const Watch& watch) override;

  private:
    friend class UringDisk;
    friend class UringSocket;

    // How many answers the next wait is for, and how long it is worth waiting for that many.
    struct Gathering {
        unsigned answers = 1;
        Duration patience = Duration::max();
    };

    UringLoop() = default;
    io_uring_sqe& entry();           // the next one to fill; makes room if there is none
    void make_room(unsigned count);  // for so many entries that must go down together
    Gathering gather();
    void enter(unsigned answers, Duration longest);
    void note_cut();
    void ask_for_watches();
    void ask_for_sockets();
    void reap();
    void watched(std::uint64_t data);

    io_uring ring_{};
    bool registered_ = false;  // the ring itself, so that entering it need not look it up
    std::vector<UringDisk*> disks_;
    std::vector<std::uint64_t> usual_;  // scratch space of gather()

    // Descriptors of disks that are gone while requests were in flight. A linked read looks its
    // file up only when it starts: by then the number must not mean another file.
    std::vector<std::shared_ptr<const Descriptor>> resting_;

    SharedBuffers buffers_;
    bool multishot_ = true;
    unsigned sockets_ = 0;  // closed ones included, until their last request has ended
    unsigned closed_ = 0;   // of these
    std::vector<UringSocket*> attended_;  // have something to ask for
    unsigned prompt_ = 0;  // sends in flight whose completions come at once, and wake nobody
};

class UringDisk final : public Disk {
  public:
    // A block device has a queue of its own. A file may lie on a file system that stops whoever submits
    // to it, for all disks, when it has 64 requests (FUSE).
    static constexpr unsigned most_in_flight = 64;
    static constexpr unsigned most_in_flight_of_file = 32;

    UringDisk(UringLoop& loop, const OpenDisk& disk, std::uint32_t block_size);
    ~UringDisk() override;

    std::uint32_t block_size() const override { return block_size_; }
    std::uint64_t blocks() const override { return blocks_; }
    std::string_view name() const override { return name_; }
    bool use_block_size(std::uint32_t bytes) override;

  protected:
    void submit(Io& io) override;

  private:
    friend class UringLoop;
    enum class Step : std::uintptr_t { read = 0, write = 1 };  // low bit of a request's user data

    void start(Io& io);
    void enqueue(Io& io, Step step);
    void answered(Io& io, Step step, int result);
    void learn(std::uint64_t& usual, std::uint64_t nanoseconds);
    // A guess before the first visit: who is slow to read is slow to write.
    std::uint64_t usual() const {
        return !writing_ ? usual_read_ : usual_write_ != 0 ? usual_write_ : 4 * usual_read_;
    }

    UringLoop& loop_;
    std::shared_ptr<const Descriptor> descriptor_;
    std::string name_;
    std::uint64_t bytes_;
    std::uint32_t logical_block_size_;
    std::uint32_t block_size_;
    std::uint64_t blocks_;
    IoFifo waiting_;
    std::array<Io*, most_in_flight> in_flight_{};
    unsigned most_flying_;
    unsigned flying_ = 0;
    unsigned due_ = 0;         // answers that have not come
    unsigned fresh_ = 0;       // of these, to what was enqueued since the last submission
    std::int64_t started_ = 0; // when the last request was, in nanoseconds of the loop's clock
    bool writing_ = false;     // and whether it writes
    std::uint64_t usual_read_ = 0;   // how long this disk usually takes, in nanoseconds; 0: not known
    std::uint64_t usual_write_ = 0;  // a visit included
};

class UringSocket final : public Socket {
  public:
    UringSocket(UringLoop& loop, int fd);

  protected:
    void attend() override;
    void close() override;

  private:
    friend class UringLoop;
    enum class Request : std::uintptr_t { receive = 0, send = 1 };
    ~UringSocket() override;

    std::uint64_t data_of(Request request) const;
    void ask();
    void ask_to_receive();
    void ask_to_send();
    void answered(Request request, int result, unsigned flags);
    void received(int result, unsigned flags);
    void sent(int result);

    UringLoop& loop_;
    bool attended_ = false;   // it is among those of the loop
    bool receiving_ = false;  // a receive is in flight
    bool stopping_ = false;   // and has been asked to end
    bool sending_ = false;
    bool patient_ = false;  // the last send found no room: the next one waits in the kernel
    bool prompt_ = false;   // its completion comes at once, and nobody waits for it
    bool closed_ = false;
};

}  // namespace diskpaxos::io
