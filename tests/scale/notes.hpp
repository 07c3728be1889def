// What the crowd leaves behind, in memory that all its processes share.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <new>
#include <span>
#include <string>

#include "base/check.hpp"
#include "sim/history.hpp"

namespace diskpaxos::scale {

struct Order {
    unsigned clients = 2000;  // that ever come
    unsigned processes = 2;
    unsigned alive = 64;           // clients at a time in each process
    unsigned names = 512;          // of cells
    bool own_connections = false;  // each client its own; else those of its process
};

inline constexpr unsigned hot_names = 8;        // the first ones,
inline constexpr unsigned hot_share = 32;       // and which part of the clients wants one of these
inline constexpr unsigned most_operations = 3;  // of one client

// Those with an even number are only read and added to.
inline bool is_counter(unsigned name) {
    return name % 2 == 0;
}
inline std::string text_of(unsigned name) {
    return "name-" + std::to_string(name);
}

struct Note {  // a client that dies leaves it as it stands
    bool begun = false;
    bool ended = false;
    unsigned name = 0;
    sim::Operation operation;
};

struct alignas(Note) Board {         // the notes follow it
    std::atomic<unsigned> next = 0;  // the client that comes next
    std::atomic<unsigned> gone = 0;
    std::atomic<unsigned> killed = 0;       // of those
    std::atomic<unsigned> turned_away = 0;  // times that an agent had no room for a connection yet
    std::atomic<unsigned> failed = 0;       // could not come in, or were told what nobody should be
};

// Three per client, and then one per name: its content in the end.
class Notes {
  public:
    explicit Notes(const Order& order)
        : count_(std::size_t{order.clients} * most_operations + order.names),
          bytes_(sizeof(Board) + count_ * sizeof(Note)),
          memory_(
              mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        CHECK(memory_ != MAP_FAILED);
        new (memory_) Board();
        std::uninitialized_value_construct(all().begin(), all().end());
    }
    Notes(const Notes&) = delete;
    Notes& operator=(const Notes&) = delete;
    ~Notes() { munmap(memory_, bytes_); }

    Board& board() const { return *static_cast<Board*>(memory_); }
    std::span<Note> all() const {
        return {reinterpret_cast<Note*>(static_cast<Board*>(memory_) + 1), count_};
    }
    std::span<Note> of_client(unsigned client) const {
        return all().subspan(std::size_t{client} * most_operations, most_operations);
    }
    std::span<Note> last(const Order& order) const { return all().last(order.names); }

  private:
    std::size_t count_;
    std::size_t bytes_;
    void* memory_;
};

}  // namespace diskpaxos::scale
