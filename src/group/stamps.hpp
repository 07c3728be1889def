// Stamps of somebody unknown, and damage: what a mender may go over (docs/slots.md, R3). Each must
// have stood unchanged for as long as its writer goes on (R4) and its last writes are under way.
#pragma once

#include <vector>

#include "async/clock.hpp"
#include "group/slot_table.hpp"

namespace diskpaxos {

struct ClaimTiming {
    Duration bound;  // B
    Duration wait;   // V
    static constexpr ClaimTiming of(Duration ttl) { return {ttl / 20, ttl / 10}; }
    Duration life() const { return 4 * wait; }  // of one attempt, from its first stamp on (R4)
};
// With a clock drift of rho = 1/2000 the wait must exceed the bound by more than a thousandth.
static_assert(ClaimTiming::of(std::chrono::seconds(10)).wait * 1999 >
              ClaimTiming::of(std::chrono::seconds(10)).bound * 2001);

// How long a write of a crashed host may still be on its way (T_ghost, algorithms.md 7.5).
constexpr Duration drain_time(Duration ttl) {
    return std::max(Duration(std::chrono::seconds(30)), 3 * ttl);
}

class Watched {
  public:
    Watched() = default;  // nothing was: a clean claim

    // The first reading, at the time when it was complete.
    Watched(std::vector<TableCopy> first, Instant complete, Duration ttl);

    // When the second reading may begin.
    Instant due() const { return due_; }
    void read_again(const std::vector<TableCopy>& second);

    // Whether this block, as it is now, stood there in both readings.
    bool outlived_claim(std::size_t disk, std::uint32_t slot, std::uint32_t print) const;
    bool outlived_owner(std::size_t disk, std::uint32_t slot, std::uint32_t print) const;

  private:
    std::vector<TableCopy> first_;
    std::vector<TableCopy> second_;
    Instant due_{};
};

// Whether the table of a disk holds a stamp or damage at this slot.
bool marked(const TableCopy& copy, std::uint32_t slot);
// Whether a table that could be read holds damage there.
bool damaged(const std::vector<TableCopy>& copies, std::uint32_t slot);

}  // namespace diskpaxos
