// Trip: what a remote disk keeps about a request while it is under way, in the request's own
// scratch space.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

#include "async/timer.hpp"
#include "base/check.hpp"
#include "disk/disk.hpp"

namespace diskpaxos::remote {

struct Trip {
    Io* next = nullptr;  // in a Trips
    Io* previous = nullptr;
    Instant started{};
    std::uint32_t done = 0;        // blocks of a long read or write that are over
    std::uint16_t slot = no_slot;  // where its answer is expected
    bool put_off = false;          // the agent has asked us to come again later

    static constexpr std::uint16_t no_slot = 0xffff;
};
static_assert(sizeof(Trip) <= sizeof(Io::scratch));

inline Trip& begin_trip(Io& io, Instant now) {
    Trip& trip = *std::construct_at(reinterpret_cast<Trip*>(io.scratch));
    trip.started = now;
    return trip;
}
inline Trip& trip_of(Io& io) {
    return *std::launder(reinterpret_cast<Trip*>(io.scratch));
}

// Requests in the order in which they came.
class Trips {
  public:
    Io* front() const { return first_; }
    bool empty() const { return first_ == nullptr; }

    void push_back(Io& io) {
        trip_of(io).next = nullptr;
        trip_of(io).previous = last_;
        (last_ != nullptr ? trip_of(*last_).next : first_) = &io;
        last_ = &io;
    }
    void push_front(Io& io) {
        trip_of(io).previous = nullptr;
        trip_of(io).next = first_;
        (first_ != nullptr ? trip_of(*first_).previous : last_) = &io;
        first_ = &io;
    }
    void remove(Io& io) {
        const Trip& trip = trip_of(io);
        (trip.previous != nullptr ? trip_of(*trip.previous).next : first_) = trip.next;
        (trip.next != nullptr ? trip_of(*trip.next).previous : last_) = trip.previous;
    }

  private:
    Io* first_ = nullptr;
    Io* last_ = nullptr;
};

}  // namespace diskpaxos::remote
