// The second backend, for where io_uring is refused: plain pread and pwritev2 on a few threads of
// each disk's own, so that a hung disk holds up nobody else; poll for sockets. Same semantics as
// the first.
//
// Threads touch nothing but the request they carry and what is behind a mutex; the loop's thread
// alone finishes requests. A thread that hangs in the kernel cannot be ended: it keeps what it
// needs alive by itself and outlives the disk and the loop.
#pragma once

#include <poll.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "io/flight.hpp"
#include "io/loop.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::io {

// Answered requests on their way from the threads to the loop.
class Mailbox {
  public:
    Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    int fd() const { return fd_; }  // can be read when there is something to take
    void put(Io& io);
    IoFifo take_all();

  private:
    const int fd_;
    std::mutex mutex_;
    IoFifo answered_;
};

class ThreadSocket;

class ThreadLoop final : public Loop {
  public:
    ThreadLoop() : mailbox_(std::make_shared<Mailbox>()) {}
    ~ThreadLoop() override;

    std::unique_ptr<Disk> attach(const OpenDisk& disk, std::uint32_t block_size) override;
    SocketPtr adopt(int fd) override;
    const char* backend() const override { return "threads"; }

  protected:
    void turn(Duration longest) override;
    void submit() override;

  private:
    friend class ThreadDisk;
    friend class ThreadSocket;
    void hand_out();

    std::shared_ptr<Mailbox> mailbox_;
    std::vector<pollfd> polled_;  // scratch space of turn()
    unsigned attached_ = 0;
    std::vector<ThreadSocket*> sockets_;
};

class ThreadDisk final : public Disk {
  public:
    static constexpr unsigned threads_per_disk = 4;

    ThreadDisk(ThreadLoop& loop, const OpenDisk& disk, std::uint32_t block_size);
    ~ThreadDisk() override;

    std::uint32_t block_size() const override { return shared_->block_size; }
    std::uint64_t blocks() const override { return blocks_; }
    std::string_view name() const override { return name_; }
    bool use_block_size(std::uint32_t bytes) override;

  protected:
    void submit(Io& io) override;

  private:
    struct Shared {  // with the threads
        std::shared_ptr<const Descriptor> descriptor;
        std::shared_ptr<Mailbox> mailbox;
        std::uint32_t block_size = 0;
        std::mutex mutex;
        std::condition_variable work;
        IoFifo waiting;
        std::array<Io*, threads_per_disk> in_flight{};
        bool closed = false;
    };
    static void serve(std::shared_ptr<Shared> shared, unsigned place);
    static void perform(const Shared& shared, Io& io);

    ThreadLoop& loop_;
    std::shared_ptr<Shared> shared_;
    std::string name_;
    std::uint64_t bytes_;
    std::uint32_t logical_block_size_;
    std::uint64_t blocks_;
    std::array<std::thread, threads_per_disk> threads_;
};

class ThreadSocket final : public Socket {
  public:
    ThreadSocket(ThreadLoop& loop, int fd);

  protected:
    void attend() override {}  // every turn looks
    void close() override { delete this; }

  private:
    friend class ThreadLoop;
    ~ThreadSocket() override;

    pollfd wish() const;
    void move(short events);
    void receive_now();
    void send_now();

    ThreadLoop& loop_;
    bool blocked_ = false;  // the last send found no room
};

}  // namespace diskpaxos::io
