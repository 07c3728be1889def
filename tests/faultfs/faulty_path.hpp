// One path to a disk that misbehaves when told to. It is asked by FUSE and answers FUSE; what it
// really holds is a backing file, which several paths may share.
//
// Faults are of two kinds: those that last until cleared (hang, error, delay) and those that
// befall the next write only (tear, lose, misdirect, shorten).
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse3/fuse_lowlevel.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace diskpaxos::faultfs {

enum class Direction : std::uint8_t { read, write };
enum class TearAnswer : std::uint8_t { success, error, hang };

struct Request {
    fuse_req_t fuse = nullptr;
    Direction direction = Direction::read;
    off_t offset = 0;
    std::size_t length = 0;
    std::string data;  // of a write
};

struct Totals {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::size_t held = 0;
};

class FaultyPath {
  public:
    FaultyPath(int backing, off_t size) : backing_(backing), size_(size) {}
    FaultyPath(const FaultyPath&) = delete;
    FaultyPath& operator=(const FaultyPath&) = delete;

    off_t size() const { return size_; }
    void arrive(Request request);
    int flush() const;  // errno

    void hang(bool reads, bool writes);
    void fail(bool reads, bool writes, int error);
    void delay(bool reads, bool writes, std::chrono::microseconds time);
    void tear(std::size_t sectors, TearAnswer answer);
    void lose(unsigned writes);
    void misdirect(off_t offset);
    void shorten(std::size_t bytes);
    void clear();    // no faults from now on; what is held stays held
    void release();  // stops hanging and carries out what is held, late
    void drop();     // stops hanging and answers EIO to what is held, which never happens
    Totals totals() const;

  private:
    struct Lasting {
        bool hang = false;
        int error = 0;
        std::chrono::microseconds delay{};
    };
    struct Tear {
        std::size_t sectors = 0;
        TearAnswer answer = TearAnswer::success;
    };
    struct NextWrite {
        std::optional<Tear> tear;
        std::optional<off_t> misdirect;
        std::optional<std::size_t> shorten;
        bool lose = false;
    };

    Lasting& lasting(Direction direction) { return lasting_[direction == Direction::write]; }
    NextWrite take_next_write();
    std::deque<Request> take_held();
    void hold(Request request);
    void write_faultily(Request request, const NextWrite& fault);
    void perform(const Request& request) const;
    ssize_t store(std::string_view data, off_t offset) const;  // as write(2), errno negative

    const int backing_;
    const off_t size_;
    mutable std::mutex mutex_;
    Lasting lasting_[2];
    NextWrite next_;
    unsigned lose_ = 0;
    std::deque<Request> held_;
    Totals totals_;
};

}  // namespace diskpaxos::faultfs
