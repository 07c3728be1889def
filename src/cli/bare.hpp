// The floor under what `bench` measures: one linked write and row read on each disk, without any
// protocol, until a majority has answered. It writes the content of our own block over itself.
//
// Only while nothing else of ours is on its way to that cell, and each round waits for all disks:
// a write of old content that landed after a new one would undo it. After an error here the
// process must not use the group any more.
#pragma once

#include <vector>

#include "group/group.hpp"

namespace diskpaxos::cli {

class BareLoop {
  public:
    // `cell`: one that this seat has written.
    BareLoop(Group& group, std::uint32_t cell);

    Task<Result<void>> run(unsigned rounds, Duration longest, Instant deadline);

    const std::vector<Duration>& times() const { return times_; }  // until a majority had answered

  private:
    struct Target {
        Disk* disk = nullptr;
        Bytes own;
    };
    Task<void> fetch(std::size_t disk);
    Task<void> visit(std::size_t target);
    Task<Result<void>> round(Instant deadline);

    Group& group_;
    std::uint32_t cell_;
    Place place_;
    std::vector<Target> targets_;
    std::vector<Duration> times_;
    std::size_t answered_ = 0;
    int error_ = 0;
    Event majority_;
    Scope scope_;
};

}  // namespace diskpaxos::cli
