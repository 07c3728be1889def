// One disk, block by block, as `dump` shows it.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "async/scope.hpp"
#include "async/task.hpp"
#include "async/world.hpp"
#include "cli/output.hpp"
#include "consensus/record.hpp"
#include "disk/block.hpp"
#include "disk/door.hpp"
#include "disk/superblock.hpp"
#include "group/slot_table.hpp"

namespace diskpaxos::cli {

struct CellFilter {
    std::optional<std::uint32_t> number;  // this cell, its initial blocks too
    std::optional<std::string> name;      // or those that carry this name
    bool all() const { return !number && !name; }
};

const char* sound_or(Damage damage);

class DumpedDisk {
  public:
    // `patience`: how long each read is waited for.
    DumpedDisk(World& world, Disk& disk, Superblock superblock, Duration patience)
        : group(std::move(superblock)),
          world_(world),
          disk_(disk),
          patience_(patience),
          format_(group.geometry, group.kinds()),
          scope_(world.queue) {}

    // False where something could not be read. A disk that is silent is not asked again.
    Task<bool> read_tables();
    Task<bool> dump_cells(CellFilter filter, Json& list, Output& out);

    Superblock group;
    std::array<Damage, 2>
        superblocks{};  // of the two copies; an I/O error counts as a bad checksum
    TableCopy table;
    // Of a retired disk: blocks that are another group's are no damage, and only counted.
    bool retired = false;
    std::uint64_t of_others = 0;

    bool silent() const { return silent_; }

  private:
    Task<IoPtr> read(Extent extent);  // null where the disk is silent
    Task<void> ask(Extent extent);
    void dump_row(std::uint32_t cell, ByteView row, const CellFilter& filter, Json& list,
                  Output& out);
    void dump_door(const BlockAddress& address, DoorState state, Json& list, Output& out) const;
    bool wanted(const Decoded& block, const CellFilter& filter);
    Json described(const BlockAddress& address, const Decoded& block) const;
    Json json_of_rank(Rank rank) const;
    std::string text_of_rank(Rank rank) const;
    std::string text_of(const BlockAddress& address, const Decoded& block, const Output& out) const;

    World& world_;
    Disk& disk_;
    Duration patience_;
    RecordFormat format_;
    IoPtr answer_;
    Event answered_;
    bool silent_ = false;
    Scope scope_;  // last: a read without an answer dies before what it writes to
};

}  // namespace diskpaxos::cli
