// Latecomers: disks that were named and are not in use, because they could not be opened, did not
// answer or were not recognised when the process started. They are tried again for as long as it
// lives, and join the group as soon as they are there (docs/protocol.md, "A disk that was absent").
//
// What it costs: nothing while all disks are in use. Otherwise each of them is opened and its two
// superblocks are read, after a second first, then ever later, every five seconds at last.
#pragma once

#include <functional>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "group/assemble.hpp"
#include "node/real_world.hpp"

namespace diskpaxos::node {

class Latecomers {
  public:
    static constexpr Duration first_pause = std::chrono::seconds(1);
    static constexpr Duration longest_pause = std::chrono::seconds(5);

    struct Wish {
        std::vector<std::string> names;  // paths and URLs that are not in use
        io::Access access = io::Access::write;
        Duration timeout{};  // of the opening of a URL, and of what is asked of it from then on
        Warn warn;
    };
    // Makes this disk, with a superblock that has been checked, a member of the group; false: not yet.
    using Admit = std::function<bool(std::size_t index, RealWorld::Member& member)>;

    // `roster`: what is in use; `admit` changes it.
    Latecomers(RealWorld& real, Roster& roster, Wish wish, Admit admit);

    // Until all disks of the group are in use, no name is left, or `end` is set.
    Task<void> run(Event& end);

  private:
    struct One {
        std::string name;
        bool busy = false;  // it is being looked at, for as long as that takes
        std::optional<RealWorld::Member> member;
        std::optional<Identity> identity;
        std::set<std::string> said{};  // why it has no place: each reason once
    };
    Task<void> look(One& one);
    void judge();
    bool seen(const One& one) const { return !one.busy && one.identity.has_value(); }
    bool has_twin(const One& one) const;
    std::string reason(const One& one) const;
    bool same_as_a_member(const RealWorld::Member& member) const;

    RealWorld& real_;
    Roster& roster_;
    Wish wish_;
    Admit admit_;
    std::list<One> late_;  // they stay where they are: looks refer to them
    Scope looks_;  // last: its frames refer to the rest
};

// What leads to the very same storage, under another name.
bool same_disk(const RealWorld::Member& a, const RealWorld::Member& b);

}  // namespace diskpaxos::node
