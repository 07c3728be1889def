// Process: what `diskpaxos` is to a group of disks, inside a test or a measurement: its own loop,
// its own descriptors with the slot locks on them, a seat, and the group's cells. Several may live
// in one program; to each other they are strangers that share nothing but the disks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "group/format.hpp"
#include "group/group.hpp"
#include "io/backend.hpp"
#include "io/open_disk.hpp"
#include "io/os_random.hpp"
#include "node/locks.hpp"

namespace diskpaxos {

using Paths = std::vector<std::string>;

// What a host looks like to the slot table; those of one name are one host.
Host host_named(const std::string& name);

class Process {
  public:
    struct Wish {
        std::string host = "here";
        std::optional<std::uint32_t> slot{};
        io::Backend backend = io::Backend::automatic;
    };

    // Opens, assembles and takes a seat. Without one, `problem` says why.
    Process(const Paths& paths, const Wish& wish);
    explicit Process(const Paths& paths) : Process(paths, Wish{}) {}
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    const std::string& problem() const { return problem_; }
    Group& group() { return *group_; }
    World& world() { return world_; }
    io::Loop& loop() { return *loop_; }
    Instant in(Duration time) const { return loop_->now() + time; }

    // Drives everything until `task` has its result.
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        Scope scope(loop_->queue());
        scope.spawn(keep(std::move(task), result));
        loop_->run_until(scope.idle());
        return std::move(*result);
    }
    // Until no visit of this cell is on its way: stragglers have been counted, too.
    void settle(std::uint32_t cell) { loop_->run_until(group_->cell(cell).idle()); }

  private:
    friend void format_group(const Paths& paths, const Geometry& geometry, std::uint32_t ttl_ms,
                             const std::string& host);
    explicit Process(io::Backend backend);
    void open(const Paths& paths, io::Access access);
    void join(const Wish& wish);

    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        result.emplace(co_await task);
    }

    std::string problem_;
    io::OsRandom random_;
    NoTrace trace_;
    std::unique_ptr<io::Loop> loop_;
    World world_;
    std::vector<std::unique_ptr<io::OpenDisk>> files_;
    std::vector<std::unique_ptr<Disk>> disks_;  // die before the loop that carries them
    node::FileLocks locks_;
    std::unique_ptr<Group> group_;
};

// Makes the disks a group whose first slots belong to `host`. Aborts if that fails.
void format_group(const Paths& paths, const Geometry& geometry, std::uint32_t ttl_ms = 10'000,
                  const std::string& host = "here");

// Eight bytes, little-endian: numbers as the value of a cell.
std::uint64_t number_in(ByteView value);
void put_number(Bytes& value, std::uint64_t number);

}  // namespace diskpaxos
