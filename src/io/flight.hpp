// What a real disk keeps about a request while it carries it: in the request's own scratch space,
// so that nothing is allocated on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "disk/disk.hpp"

namespace diskpaxos::io {

struct Flight {
    Io* next = nullptr;        // in an IoFifo or among the abandoned
    Disk* disk = nullptr;      // null once the disk is gone
    std::int64_t started = 0;  // nanoseconds of the loop's clock
    std::uint16_t write_error = 0;
    std::uint16_t read_error = 0;
    std::uint8_t pending = 0;  // steps that have not been answered
    std::uint8_t place = 0;    // among the requests in flight of its disk
    bool cut = false;          // the read went down apart from its write: it may have overtaken it
};
static_assert(sizeof(Flight) <= sizeof(Io::scratch));

inline Flight& board(Io& io) {
    return *std::construct_at(reinterpret_cast<Flight*>(io.scratch));
}
inline Flight& flight_of(Io& io) {
    return *std::launder(reinterpret_cast<Flight*>(io.scratch));
}

inline bool writes(const Io& io) {
    return io.kind != Io::Kind::read;
}
inline bool reads(const Io& io) {
    return io.kind != Io::Kind::write;
}

// The errno of one step that should have moved `wanted` bytes. A short one has failed: half a row
// is no row, and half a write is not durable. A write is short where a file system is full.
std::uint16_t error_of_read(std::int64_t result, std::size_t wanted);
std::uint16_t error_of_write(std::int64_t result, std::size_t wanted);

// Fills in what the waiter will see, once every step has been answered.
void settle(Io& io, std::int64_t now);

// Requests in the order in which they came.
class IoFifo {
  public:
    bool empty() const { return first_ == nullptr; }
    void push(Io& io);
    Io* pop();  // null when empty

  private:
    Io* first_ = nullptr;
    Io* last_ = nullptr;
};

// Gives a request up for ever, with its buffers. The disk that carried it is gone, but the device
// may still read from or write to those buffers at any time; memory that was freed would by then
// be somebody else's. It stays reachable, so that a leak detector sees what it is.
void abandon(Io& io);

}  // namespace diskpaxos::io
