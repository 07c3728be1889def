// The groups that `format` is about to overwrite, and who is in them. Looking writes nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/invocation.hpp"
#include "cli/new_disks.hpp"
#include "cli/open_group.hpp"
#include "cli/output.hpp"
#include "lock/session_record.hpp"

namespace diskpaxos::cli {

// Of a session: the bound of --ttl, here and for `run`.
inline constexpr auto longest_ttl_ever = std::chrono::hours(1);

struct Seen {  // a session that is in it
    SessionRef ref;
    SessionRecord record;
    bool renews = false;
};

// A group as far as its disks are among those that are to be overwritten.
struct Predecessor {
    Superblock superblock;
    std::vector<std::string> disks;      // those that are named
    std::vector<std::string> used_here;  // of them: a process of this host works on it
    std::map<std::uint16_t, Seen> live;  // by slot
    Duration longest_ttl{};              // that any session there may have
    Duration watched{};                  // for how long
    std::optional<Error> unknown;        // why nobody can say that nobody is in it

    std::string name() const { return printable(superblock.name); }
    bool majority() const { return disks.size() > superblock.disks.size() / 2; }
    Duration ttl() const { return std::chrono::milliseconds(superblock.ttl_ms); }
    bool in_use() const { return unknown || !live.empty() || !used_here.empty(); }
};

// What no option helps against. in_use: a process of this host serves a disk's store, or works on
// a disk of which nothing says whose it is. bad_data: a group of a newer format. io, permission: what
// would say which group it is cannot be read.
Result<void> refuse_unknown_users(const std::vector<Candidate>& disks, node::RealWorld& real,
                                  const Invocation& call);

// Watches each of those groups where a session shows, for one renewal interval and a bit, at most for
// --timeout; says so if that is long.
Result<std::vector<Predecessor>> look_at_users(const std::vector<Candidate>& disks,
                                               node::RealWorld& real, const Invocation& call,
                                               Output& out);

// Somebody is there, or nobody can say: in_use, or Predecessor::unknown.
Result<void> refuse_users(const std::vector<Predecessor>& groups);

std::string name_of(const Seen& seen);  // "host db1, pid 4711 ("CMD")"

// That it goes on without these disks; empty: a majority of them is named.
std::string lives_on(const Predecessor& before);

// How its disks are opened to look at it.
Result<node::OpenOptions> looking_at(const Predecessor& before, const Invocation& call);

}  // namespace diskpaxos::cli
