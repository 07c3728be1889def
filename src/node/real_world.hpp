// RealWorld: the loop, chance and the open disks of one process, or of one of its groups. It
// belongs to the thread that made it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "io/backend.hpp"
#include "io/open_disk.hpp"
#include "io/os_random.hpp"
#include "node/active_disk.hpp"

namespace diskpaxos::node {

// Takes one sentence about what is not as it should be, but no reason to stop.
using Warn = std::function<void(const std::string& sentence)>;

// Puts a disk of its own before another one, which it owns from then on: to hold up, count or
// spoil what is asked of it.
using Before = std::function<std::unique_ptr<Disk>(std::unique_ptr<Disk>)>;

class RealWorld {
  public:
    // Says so when a wish for io_uring could not be met.
    static Result<std::unique_ptr<RealWorld>> make(io::Backend backend, const Warn& warn);

    World& world() { return world_; }
    io::Loop& loop() { return *loop_; }

    struct Member {
        std::string path;                    // or URL, as it was named
        std::unique_ptr<io::OpenDisk> file;  // null: an active disk, reached by its URL
        std::unique_ptr<Disk> disk;
        std::string identity;                // of an active disk: the same for every URL that leads to it
    };
    // In blocks of the disk's own size; Disk::use_block_size() changes that. `before`, if any, puts
    // another disk before it.
    Disk& add(std::unique_ptr<io::OpenDisk> file, const Before& before = {});
    Disk& add(const std::string& url, ActiveDisk active, const Before& before = {});
    // Opens one disk, path or URL, while everything else goes on: nothing of it blocks the loop. It is
    // nobody's yet; keep() makes it one of members().
    Task<Result<Member>> open_aside(std::string name, io::Access access, Duration time_out);
    void keep(Member member) { members_.push_back(std::move(member)); }
    void drop_last() { members_.pop_back(); }  // as long as nothing was asked of it
    const std::vector<Member>& members() const { return members_; }

    // Opens the URLs among `names`; waits for all of them, unless more than `enough` suffice.
    std::vector<std::optional<Result<ActiveDisk>>> open_urls(std::vector<std::string> names,
                                                             Duration time_out, std::size_t enough);

    // Drives everything until `task` has its result.
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        Scope scope(loop_->queue());
        scope.spawn(keep(std::move(task), result));
        loop_->run_until(scope.idle());
        return std::move(*result);
    }

  private:
    explicit RealWorld(std::unique_ptr<io::Loop> loop)
        : loop_(std::move(loop)), world_{loop_->queue(), *loop_, random_, trace_} {}

    Disk& add(Member member, const Before& before);
    Member attached(std::unique_ptr<io::OpenDisk> file);

    template <class T>
    static Task<void> keep(Task<T> task, std::optional<T>& result) {
        result.emplace(co_await task);
    }

    io::OsRandom random_;
    NoTrace trace_;
    std::unique_ptr<io::Loop> loop_;
    World world_;
    std::vector<Member> members_;  // die before the loop that carries them
    std::vector<std::unique_ptr<Opening>> openings_;
};

}  // namespace diskpaxos::node
