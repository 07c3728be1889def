// Formatting: makes disks a group. Every block is written, nothing is left sparse: a first write
// to an unwritten extent costs twice as much, and blank is never initial. The superblocks go last,
// and old ones are wiped first, so that an interrupted format leaves no group at all.
//
// Where a group was before, its superblocks are overwritten by retired ones. If somebody was in it,
// everything else is written, then nothing for so long that each of its processes has noticed (it
// meets our blocks at its next renewal) and its last write has landed; what it hit meanwhile is
// written again; and only then does the new group get its superblocks. docs/protocol.md, "When a
// disk changes hands".
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "async/world.hpp"
#include "disk/disk.hpp"
#include "disk/superblock.hpp"
#include "diskpaxos/error.hpp"
#include "group/claim.hpp"

namespace diskpaxos {

// Of so many slots that a host gets, how many belong to the tier: as large a part of each, so that
// it has some in the first, which cost its readers least.
std::uint32_t part_of(std::uint32_t slots, const Geometry& geometry, std::uint32_t tier);
// What was on a disk before: a group, or one that was formatted over already, but not to the end.
struct Before {
    std::optional<Superblock> group;
    bool retired = false;  // it says so itself
};

struct FormatPlan {
    Superblock superblock;      // its index is filled in per disk, and of what kind each is
    std::vector<Disk*> disks;   // by index; block size already that of the geometry
    Host host;                  // owns the first slots
    std::uint32_t host_slots = 1;
    std::vector<Before> before{};  // by disk; empty: nothing is known
    Duration wait{};  // T + T_ghost of those groups; 0: nobody is in them
    std::function<void()> waiting = [] {};  // called when the wait begins
};

Superblock new_superblock(std::string name, std::size_t disks, Geometry geometry,
                          std::uint32_t ttl_ms, std::uint64_t now_ms);

// `progress` is called with the bytes written so far, of all disks together.
class Formatter {
  public:
    Formatter(World& world, FormatPlan plan, std::function<void(std::uint64_t)> progress);

    std::uint64_t total_bytes() const;
    // Cancelled by setting `stop`: ends after the writes that are under way. in_use: another
    // `format` has taken one of the disks since `plan.before` was read, or takes it now. Then no
    // superblock was written.
    Task<Result<void>> run(const bool& stop);

  private:
    Task<void> look_before(std::size_t disk);
    Task<void> retire(std::size_t disk);
    Task<bool> mark_again(std::size_t disk);
    Task<void> look(std::size_t disk);
    Task<void> write_all(std::size_t disk);
    Task<void> write_again(std::size_t disk);
    Task<void> forget_before(std::size_t disk);
    Task<void> write_superblocks(std::size_t disk);
    Task<bool> wait();
    std::vector<std::uint64_t> old_areas(std::size_t disk) const;
    Before before(std::size_t disk) const;
    Superblock ours(std::size_t disk) const;
    std::vector<Extent> chunks(std::size_t disk) const;
    void fill(std::size_t disk, Extent extent, ByteSpan out) const;
    void fill_slot_entry(std::size_t disk, std::uint64_t number, ByteSpan block) const;
    bool in_first_share(std::uint32_t slot) const;
    Task<void> wipe(std::size_t disk, std::uint64_t area);
    Task<bool> on_all(Task<void> (Formatter::*step)(std::size_t));
    Task<void> write(std::size_t disk, IoPtr io);
    Error failure() const;

    World& world_;
    FormatPlan plan_;
    std::function<void(std::uint64_t)> progress_;
    std::uint64_t written_ = 0;
    std::vector<int> errors_;  // per disk: errno
    std::vector<char> taken_;   // per disk: somebody else has made a group of it, or is about to
    const bool* stop_ = nullptr;
    Scope scope_;
};

}  // namespace diskpaxos
