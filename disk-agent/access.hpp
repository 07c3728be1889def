// Access: what a client may do, decided from values. Rights are prefixes of the names of registers;
// the empty prefix is all of them. docs/agent.md has the rules for people.
//
// The only thing in a value that an agent may understand is the register's name: where a disk is
// active, a record has it at byte 12, and its length at byte 11 (consensus/record.hpp).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/rank.hpp"
#include "diskpaxos/error.hpp"

namespace diskpaxos::agent {

using Prefixes = std::vector<std::string>;

struct Rights {
    Prefixes read;
    Prefixes write;
    Prefixes create;      // give such a name to a register that has none
    bool format = false;  // write raw superblocks and registers
    Prefixes stores;      // whole names; none: every store

    bool any() const { return format || !read.empty() || !write.empty() || !create.empty(); }
    bool may_use(std::string_view store) const;
    bool operator==(const Rights&) const = default;
};

Rights every_right();

// The rights of clients by their names, as an INI file gives them:
//
//   # comment
//   [client NAME]
//   read = PREFIX      # repeated as needed; * or nothing: every name
//   write = PREFIX
//   create = PREFIX
//   format = yes
//   store = NAME       # repeated; without one: every store
class AccessRules {
  public:
    static Result<AccessRules> parse(std::string_view text, const std::string& path);
    static Result<AccessRules> read(const std::string& path);

    const Rights* of(const std::string& client) const;  // null: nobody has told of it

  private:
    std::map<std::string, Rights, std::less<>> clients_;
};

// What a block is to a guard.
struct Subject {
    enum class Kind : std::uint8_t {
        blank,
        unsound,  // nobody can tell whose it is: to be guarded like every name there is
        table,    // superblock, claim or owner
        unnamed,  // a register that belongs to nobody yet
        named,
    };
    Kind kind = Kind::unsound;
    std::string_view name = {};
    bool slot = false;  // of a table: claim or owner
};
Subject subject_of(ByteView block);

bool may_read(const Rights& rights, ByteView block);
bool may_step(const Rights& rights, ByteView present, ByteView request, Rank rank);
bool may_write(const Rights& rights, ByteView present, ByteView next);

}  // namespace diskpaxos::agent
