// Mender: sees to it that the blocks of this process's slot are whole on every passive disk, in all
// cells: also those that it does not use, or not any more (docs/protocol.md, "Healing"). A disk that
// was wiped, or lost some blocks, so counts again for this slot without a command.
//
// It looks once per TTL at some rows of each disk, 128 KiB or one row, one after the other, by one read
// per disk. Where something of its slot is damaged it reads all rows once and writes those blocks. So a
// disk that was wiped is noticed within a TTL and a quarter, a single block when its turn has come.
#pragma once

#include "async/scope.hpp"
#include "group/check.hpp"
#include "group/group.hpp"

namespace diskpaxos {

class Mender {
  public:
    static constexpr std::uint64_t look_bytes = std::uint64_t{128} << 10;  // of each disk, per TTL

    // A group with a seat that others know of.
    explicit Mender(Group& group);

    // For ever. It may be cut short at any point: what is under way then, leave_seat() minds.
    Task<void> keep();

    // One pass over all cells: what was damaged of this slot and is whole now, and what is not.
    struct Report {
        std::uint64_t mended = 0;
        std::uint64_t left = 0;
    };
    Task<Report> mend_all();

  private:
    bool hurt(std::uint32_t first, std::uint32_t count) const;
    bool mine(std::size_t disk) const;
    Task<void> identify_disk(std::size_t disk);
    Task<void> mend_row(std::size_t disk, std::uint32_t cell);
    Task<bool> open_doors(std::size_t disk, std::uint32_t cell);
    Task<bool> mend_block(std::size_t disk, std::uint32_t cell, Place place);

    World& world_;
    Group& group_;
    const Roster& roster_;
    Rows rows_;
    DiskSet ours_;  // by their superblocks, as they were read last
    Report report_;
    Scope scope_;  // last: its tasks write to the rest
};

}  // namespace diskpaxos
