// One disk, block by block, as `dump` shows it.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "async/task.hpp"
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
    DumpedDisk(Disk& disk, Superblock superblock)
        : group(std::move(superblock)), disk_(disk), format_(group.geometry, group.kinds()) {}

    Task<bool> read_tables();
    Task<bool> dump_cells(CellFilter filter, Json& list, Output& out);

    Superblock group;
    std::array<Damage, 2>
        superblocks{};  // of the two copies; an I/O error counts as a bad checksum
    TableCopy table;

  private:
    void dump_row(std::uint32_t cell, ByteView row, const CellFilter& filter, Json& list,
                  Output& out) const;
    void dump_door(const BlockAddress& address, DoorState state, Json& list, Output& out) const;
    bool wanted(const Decoded& block, const CellFilter& filter) const;
    Json described(const BlockAddress& address, const Decoded& block) const;
    Json json_of_rank(Rank rank) const;
    std::string text_of_rank(Rank rank) const;
    std::string text_of(const BlockAddress& address, const Decoded& block, const Output& out) const;

    Disk& disk_;
    RecordFormat format_;
};

}  // namespace diskpaxos::cli
