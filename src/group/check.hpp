// Checking a group: reads every block of every disk and says, disk by disk, what is sound, stale,
// damaged or missing. Writes nothing.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "consensus/record.hpp"
#include "group/assemble.hpp"
#include "group/merge.hpp"
#include "group/redundancy.hpp"
#include "group/slot_table.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// The rows of some cells as all disks have them. A row that cannot be read, or a disk that hangs for
// ten seconds, shows unknown blocks; one that hangs is not asked again.
class Rows {
  public:
    static constexpr Duration hung_after = std::chrono::seconds(10);

    Rows(World& world, const Roster& roster);

    Task<void> read(std::uint32_t first_cell, std::uint32_t count);
    // One per disk: of the block at `place` on a passive one, of the register on an active one.
    std::vector<Decoded> copies(std::uint32_t cell, std::uint32_t place) const;
    DoorState door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    Damage damage_of_door(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    // Whether this disk's door is damaged, or closed before blocks that another disk has in use: a
    // healer opens it, and then those blocks.
    bool ajar(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    // Whether somebody has written behind that door on this disk.
    bool used_behind(std::size_t disk, std::uint32_t cell, std::uint32_t tier) const;
    // Per disk: errno of the last read; not 0 if any of its rows could not be read.
    const std::vector<int>& errors() const { return errors_; }
    int error(std::size_t disk, std::uint32_t cell) const;  // of this row
    // The disk's keeper does not let us see this register: it is neither sound nor damaged.
    bool forbidden(std::size_t disk, std::uint32_t cell) const;
    std::uint32_t cells_at_once() const;

  private:
    Task<void> read_disk(std::size_t disk);
    Task<void> read_rows(Disk& device, const Geometry& geometry, std::uint32_t first, Io& whole,
                         std::vector<int>& errors);
    ByteView block(std::size_t disk, std::uint32_t cell, std::uint32_t offset) const;

    World& world_;
    const Roster& roster_;
    std::size_t awaited_ = 0;  // disks that have not answered this read yet
    Event answered_;           // all have
    std::uint32_t first_cell_ = 0;
    std::uint32_t count_ = 0;
    std::vector<IoPtr> images_;  // per disk; null where there is none
    std::vector<int> errors_;
    std::vector<std::vector<int>> row_errors_;  // by disk and row
    Scope scope_;
};

// unseen: its keeper lets us see nothing of it.
enum class DiskVerdict : std::uint8_t { sound, stale, damaged, absent, unseen };
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
    std::array<std::uint64_t, kinds_of_damage> by_damage{};  // indexed by Damage; none: for another reason
    bool slot_table = false;            // it could be read
    std::uint64_t slot_entries_damaged = 0;
    std::uint64_t highest_round = 0;
    std::uint64_t cell_votes = 0;       // cells and slots for which this disk votes
    std::uint64_t slot_votes = 0;
    std::uint64_t unseen = 0;           // cells that are not for us to see
    std::vector<std::string> examples;  // the first few, in words

    DiskVerdict verdict() const;
};

struct CheckReport {
    std::vector<DiskReport> disks;
    std::uint64_t cells = 0;
    std::uint64_t cells_in_use = 0;        // some block is not initial
    std::uint64_t cells_without_quorum = 0;  // too few whole rows: nobody can use them now
    // Of them, where every disk shows its row: nothing comes back by itself, only a person can give such
    // a name up (give_up.hpp). The first few, in words.
    std::uint64_t cells_lost = 0;
    std::vector<std::string> lost_examples;
    std::uint64_t rolled_back = 0;         // writers' blocks that too few disks remember
    std::vector<std::string> rolled_back_examples;  // the first few, in words
    std::vector<bool> hurt;                // slots of whose rows something is damaged or stale
    Redundancy votes;
    // Nothing that we may see is damaged, absent or rolled back; stale is no fault.
    bool sound() const;
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
    void begin();
    void count_votes();
    struct Acceptance {  // what one block has accepted, as it was seen at first
        std::uint32_t cell;
        std::uint32_t place;
        Rank rank;
    };
    Task<void> check_tables(std::size_t disk);
    Task<int> check_superblocks(std::size_t disk);  // errno
    Task<int> check_slot_table(std::size_t disk);   // errno
    void check_cell(std::uint32_t cell);
    void check_copies(std::uint32_t cell, std::uint32_t place, DiskSet among, DiskSet& whole,
                      bool& used);
    void check_doors(std::uint32_t cell, std::size_t disk);
    void look_at_doors_again();
    void remember(std::uint32_t cell, std::uint32_t place, const std::vector<Decoded>& copies,
                  DiskSet among);
    void look_for_traces_again();
    void add_damage(std::size_t disk, Damage damage, std::string example);
    std::string example(std::size_t disk, std::uint32_t cell, std::uint32_t place,
                        const Decoded& copy) const;
    std::string whose(std::uint32_t cell) const;
    void tell_lost(std::uint32_t cell);

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    RecordFormat format_;
    Rows rows_;
    CheckReport report_;
    std::vector<std::vector<bool>> hurt_slots_;  // by disk: it does not vote for them
    std::vector<Door> closed_before_use_;  // as it seems, of the cells that were read last
    std::vector<Acceptance> untraced_;     // likewise
    Scope scope_;
};

}  // namespace diskpaxos
