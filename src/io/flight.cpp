#include "io/flight.hpp"

#include <atomic>
#include <cerrno>
#include <utility>

#include "base/check.hpp"

namespace diskpaxos::io {

namespace {

std::uint16_t error_of(std::int64_t result, std::size_t wanted, std::uint16_t when_short) {
    if (result < 0) return static_cast<std::uint16_t>(-result);
    return static_cast<std::size_t>(result) == wanted ? std::uint16_t{0} : when_short;
}

}  // namespace

std::uint16_t error_of_read(std::int64_t result, std::size_t wanted) {
    return error_of(result, wanted, EIO);
}

std::uint16_t error_of_write(std::int64_t result, std::size_t wanted) {
    return error_of(result, wanted, ENOSPC);
}

void settle(Io& io, std::int64_t now) {
    Flight& flight = flight_of(io);
    CHECK(flight.pending == 0);
    if (flight.cut && flight.read_error == 0) flight.read_error = EAGAIN;
    io.wrote = writes(io) && flight.write_error == 0;
    // After a failed write the read was cancelled; its own error says nothing.
    io.error = flight.write_error != 0 ? flight.write_error : flight.read_error;
    io.nanoseconds = static_cast<std::uint64_t>(now - flight.started);
}

void IoFifo::push(Io& io) {
    flight_of(io).next = nullptr;
    (last_ != nullptr ? flight_of(*last_).next : first_) = &io;
    last_ = &io;
}

Io* IoFifo::pop() {
    Io* const io = first_;
    if (io == nullptr) return nullptr;
    first_ = std::exchange(flight_of(*io).next, nullptr);
    if (first_ == nullptr) last_ = nullptr;
    return io;
}

void abandon(Io& io) {
    static std::atomic<Io*> abandoned = nullptr;
    Flight& flight = flight_of(io);
    flight.disk = nullptr;
    flight.next = abandoned.exchange(&io);
}

}  // namespace diskpaxos::io
