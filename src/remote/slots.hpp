// Slots: which request the answer with a certain id belongs to. A slot is taken until the answer
// has come or the connection is gone, whether somebody still waits or not: the agent counts so,
// too, and a late answer is told from nonsense by it.
#pragma once

#include <cstdint>
#include <vector>

#include "disk/disk.hpp"
#include "wire/frame.hpp"

namespace diskpaxos::remote {

class Slots {
  public:
    struct Slot {
        std::uint64_t id = 0;  // 0: free
        Io* io = nullptr;      // null: nobody waits
        wire::Type type = wire::Type::ping;
    };

    // A free one, which is taken now. Its place is the low half of its id.
    Slot& take(wire::Type type, Io* io);
    static std::uint16_t place_of(std::uint64_t id) { return static_cast<std::uint16_t>(id); }

    Slot* find(std::uint64_t id);  // null: no answer of that id is expected
    Slot& at(std::uint16_t place) { return slots_[place]; }
    void free(Slot& slot);
    void free_all();

    unsigned watches() const { return watches_; }
    unsigned requests() const { return taken_ - watches_; }  // pings included

  private:
    std::vector<Slot> slots_;
    std::vector<std::uint16_t> free_;
    std::uint64_t serial_ = 0;
    unsigned taken_ = 0;
    unsigned watches_ = 0;
};

}  // namespace diskpaxos::remote
