// Checking a group: reads every block of every disk and says, disk by disk, what is sound, stale,
// damaged or missing. Writes nothing.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "group/assemble.hpp"
#include "group/merge.hpp"
#include "group/slot_table.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// The rows of some cells as all disks have them. A disk that cannot be read, or hangs for ten
// seconds, shows unknown blocks; one that hangs is not asked again.
class Rows {
  public:
    Rows(World& world, const Roster& roster);

    Task<void> read(std::uint32_t first_cell, std::uint32_t count);
    // One per disk: of the block at `place` on a passive one, of the register on an active one.
    std::vector<Decoded> copies(std::uint32_t cell, std::uint32_t place) const;
    DoorState door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    Damage damage_of_door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    // Whether somebody has written behind that door on this disk.
    bool used_behind(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    const std::vector<int>& errors() const { return errors_; }  // errno of the last read
    std::uint32_t cells_at_once() const;

  private:
    Task<void> read_disk(std::size_t disk);
    ByteView block(std::size_t disk, std::uint32_t cell, std::uint32_t offset) const;

    World& world_;
    const Roster& roster_;
    std::size_t awaited_ = 0;  // disks that have not answered this read yet
    Event answered_;           // all have
    std::uint32_t first_cell_ = 0;
    std::uint32_t count_ = 0;
    std::vector<IoPtr> images_;  // per disk; null where the read failed
    std::vector<int> errors_;
    Scope scope_;
};

enum class DiskVerdict : std::uint8_t { sound, stale, damaged, absent };
const char* describe(DiskVerdict verdict);

struct DiskReport {
    std::string name;
    bool present = false;
    int error = 0;                      // the first errno met
    bool front_superblock = false;      // sound
    bool back_superblock = false;
    std::uint64_t blocks = 0;           // of cells, read and looked at
    std::uint64_t initial = 0;
    std::uint64_t stale = 0;            // valid, but another disk has a newer copy
    std::uint64_t damaged = 0;          // unknown, of which:
    std::array<std::uint64_t, 7> by_damage{};  // indexed by Damage; none: for another reason
    std::uint64_t slot_entries_damaged = 0;
    std::uint64_t highest_round = 0;
    std::vector<std::string> examples;  // the first few, in words

    DiskVerdict verdict() const;
};

struct CheckReport {
    std::vector<DiskReport> disks;
    std::uint64_t cells = 0;
    std::uint64_t cells_in_use = 0;        // some block is not initial
    std::uint64_t cells_without_quorum = 0;  // too few whole rows: nobody can use them now
    std::vector<bool> hurt;                // slots of which something is damaged or stale
    bool sound() const;                    // nothing damaged or absent; stale is no fault
};

class Checker {
  public:
    Checker(World& world, const Roster& roster, const QuorumRule& rule);
    Task<CheckReport> run();

  private:
    struct Door {
        std::size_t disk;
        std::uint32_t cell;
        std::uint32_t tier;
    };
    Task<void> check_tables(std::size_t disk);
    Task<int> check_superblocks(std::size_t disk);  // errno
    Task<int> check_slot_table(std::size_t disk);   // errno
    void check_cell(std::uint32_t cell);
    void check_copies(std::uint32_t cell, std::uint32_t place, DiskSet among, DiskSet& whole,
                      bool& used);
    void check_doors(std::uint32_t cell, std::size_t disk);
    void look_at_doors_again();
    void add_damage(std::size_t disk, Damage damage, std::string example);

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    Rows rows_;
    CheckReport report_;
    std::vector<Door> closed_before_use_;  // as it seems, of the cells that were read last
    Scope scope_;
};

}  // namespace diskpaxos
