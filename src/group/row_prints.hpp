// RowPrints: what the ring blocks of some slots hold, in every cell and on every disk, as checksums.
// Two readings tell whether a process writes there, one with a session or without: to forget a host
// (docs/slots.md, R12) a person's word alone is not enough.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "async/world.hpp"
#include "group/assemble.hpp"
#include "group/fan.hpp"

namespace diskpaxos {

class RowPrints {
  public:
    RowPrints(World& world, const Roster& roster, std::vector<std::uint32_t> slots);

    // One reading, a read for each cell, slot and passive disk; disks at the same time. A disk that
    // fails or is silent is not read further. False: fewer than a majority were read to the end.
    Task<bool> read(Instant deadline);

    // A slot one of whose blocks was read before and after, and has changed. None: none has.
    std::optional<std::uint32_t> changed_since(const RowPrints& before) const;

  private:
    Task<void> read_disk(std::size_t disk);

    World& world_;
    const Roster& roster_;
    std::vector<std::uint32_t> slots_;
    std::vector<std::vector<std::uint32_t>> prints_;  // by disk; by cell, then slot, as far as read
    DiskSet done_;
    Fan fan_;  // last: its tasks die before what they write to
};

}  // namespace diskpaxos
