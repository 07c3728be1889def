// OpenGroup: the group that a call is about, opened and assembled, and, for those who change
// things, with a seat in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/host.hpp"
#include "cli/invocation.hpp"
#include "cli/locks.hpp"
#include "cli/real_world.hpp"
#include "group/group.hpp"

namespace diskpaxos::cli {

class OpenGroup {
  public:
    struct Wish {
        io::Access access = io::Access::write;
        bool quorum = true;  // refuse unless a majority of the disks is there
    };
    // A disk that cannot be opened is no more than absent, as long as a majority is there.
    static Result<std::unique_ptr<OpenGroup>> open(const Invocation& call, Output& out, Wish wish);

    // As open(), and takes a seat.
    static Result<std::unique_ptr<OpenGroup>> join(const Invocation& call, Output& out);

    RealWorld& real() { return *real_; }
    World& world() { return real_->world(); }
    Roster& roster() { return roster_; }
    Group& group() { return *group_; }  // after join()
    FileLocks& locks() { return locks_; }
    Instant deadline() { return real_->loop().now() + timeout_; }

    struct Unopened {
        std::string path;
        Error error;
    };
    const std::vector<Unopened>& unopened() const { return unopened_; }

    template <class T>
    T run(Task<T> task) {
        return real_->run(std::move(task));
    }

  private:
    explicit OpenGroup(std::unique_ptr<RealWorld> real) : real_(std::move(real)) {}
    Result<void> open_disks(const std::vector<std::string>& paths, io::Access access);
    Result<void> assemble(bool quorum_needed, std::size_t named, Output& out);
    Result<void> take_seat(const Invocation& call, Output& out);
    Error explained(Error error) const;
    std::string why_unopened() const;

    std::unique_ptr<RealWorld> real_;
    Duration timeout_{};
    std::vector<Unopened> unopened_;
    FileLocks locks_;
    Roster roster_;
    std::unique_ptr<Group> group_;
};

// Refuses what is one disk under two names.
Result<void> refuse_twins(const std::vector<RealWorld::Member>& members);

}  // namespace diskpaxos::cli
