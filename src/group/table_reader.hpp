// TableReader: reads the slot table of all disks at once, one reading after the other.
#pragma once

#include <vector>

#include "async/world.hpp"
#include "disk/disk.hpp"
#include "group/assemble.hpp"
#include "group/slot_table.hpp"

namespace diskpaxos {

Task<TableCopy> fetch_table(const Roster& roster, std::size_t disk);

class TableReader {
  public:
    TableReader(World& world, const Roster& roster, const QuorumRule& rule);

    // A reading of its own: what an earlier one has shown does not count, and answers that come
    // late do not either. True when a majority was read.
    // `patience`: as Fan's.
    Task<bool> read(Instant deadline, Duration patience = Fan::grace);
    const std::vector<TableCopy>& copies() const { return copies_; }
    Instant begun() const { return begun_; }  // when the last reading was
    Instant complete() const { return complete_; }
    SlotView view(std::uint32_t slot) const { return agree(copies_, rule_, slot); }
    std::vector<SlotView> views() const;  // of all slots

  private:
    Task<void> read_copy(std::size_t disk, std::uint64_t reading);

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    std::vector<TableCopy> copies_;
    std::uint64_t reading_ = 0;
    DiskSet done_;
    Instant begun_{};
    Instant complete_{};
    Fan fan_;  // last: its tasks die before what they write to
};

}  // namespace diskpaxos
