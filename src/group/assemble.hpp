// Assembling a group: reads the superblocks of the disks that somebody named, and tells whose they
// are. The group is the one to which most of them belong. What is not one of its disks, or cannot be
// used as one, whatever the reason, is left aside in one sentence: it stops nobody as long as the
// others are a majority.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/world.hpp"
#include "disk/disk.hpp"
#include "disk/superblock.hpp"
#include "diskpaxos/error.hpp"
#include "group/fan.hpp"
#include "quorum/rule.hpp"
#include "register/row.hpp"

namespace diskpaxos {

// What one disk says of itself.
struct Identity {
    Disk* disk = nullptr;
    bool answered = false;
    int error = 0;                      // errno, if it could not be read
    std::optional<Superblock> superblock;
    std::optional<Retired> retired;  // then there is no superblock, whatever the other copy says
    Damage front = Damage::none;
    Damage back = Damage::none;

    explicit Identity(Disk* d) : disk(d) {}
    bool sound() const { return front == Damage::none && back == Damage::none; }
    // One newer copy is enough: the other one may be left from before an upgrade.
    bool newer() const { return front == Damage::newer || back == Damage::newer; }
    bool known() const { return superblock && !newer(); }
};

struct Aside {  // a disk that was named and is not used
    std::string name;
    std::string why;
};

struct Roster {
    Superblock common;              // of the group; its index means nothing
    std::array<Geometry, 2> shapes; // of its passive and of its active disks
    std::vector<Disk*> members;     // by index; null: absent
    std::vector<std::string> names; // by index; of absent ones what we know: "disk 2"
    std::vector<std::string> notes; // sentences about disks that are absent or need healing
    std::vector<Aside> aside;         // named, but not used, and why
    std::vector<Identity> strangers;  // of them: not recognised: blank, damaged, silent
    DiskSet disputed;  // two disks that were named say that they are this one: neither is used

    Roster() = default;
    explicit Roster(const Superblock& group);  // nobody is there yet

    std::size_t present() const;
    std::size_t disks() const { return members.size(); }
    std::optional<std::size_t> only_missing() const;  // none: more than one are, or none is
    const Geometry& geometry(std::size_t disk) const { return shapes[common.is_active(disk)]; }
    RowAddress row(std::size_t disk, std::uint32_t cell) const;
    DiskSet active() const;   // by index, whether they are there or not
    DiskSet passive() const;
};

// Reads the superblocks of `identity.disk`, and says what they are. It may never end.
Task<void> identify(Identity& identity);

// Why this disk cannot be the one of `roster` that it says it is; empty: it can. `twin`: another that
// says the same. Asks the disk for the group's block size.
std::string why_no_place(const Identity& identity, const Identity* twin, const Roster& roster);

class Assembly {
  public:
    // `group`: the one that was named, if any. Disks of another one are never used then.
    Assembly(World& world, std::vector<Disk*> disks, std::optional<Uuid> group = std::nullopt);

    // `quorum_needed`: refuse when the disks that are present are no majority.
    Task<Result<Roster>> run(bool quorum_needed, Instant deadline);

  private:
    Result<const Identity*> group() const;
    Result<Roster> judge(bool quorum_needed) const;
    bool wanted(const Identity& identity) const {
        return identity.known() && (!group_ || identity.superblock->group == *group_);
    }

    World& world_;
    std::optional<Uuid> group_;
    std::vector<Identity> identities_;
    Fan fan_;
};

std::string uuid_text(const Uuid& uuid);

}  // namespace diskpaxos
