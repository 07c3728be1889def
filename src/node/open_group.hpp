// OpenGroup: a group of disks, opened and assembled, and, for those who change things, with a seat
// in it. It belongs to the thread that opened it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/told_once.hpp"
#include "group/group.hpp"
#include "group/keeper.hpp"
#include "group/mender.hpp"
#include "node/host.hpp"
#include "node/latecomers.hpp"
#include "node/locks.hpp"
#include "node/real_world.hpp"

namespace diskpaxos::node {

struct OpenOptions {
    std::vector<std::string> disks;  // paths and URLs
    std::optional<Uuid> group{};     // whose they must be, as the group file says
    io::Access access = io::Access::write;
    bool quorum = true;                           // refuse unless a majority of the disks is there
    Duration timeout = std::chrono::seconds(10);  // of the opening, of the seat, of each deadline()
    io::Backend backend = io::Backend::automatic;
    std::optional<std::uint32_t> slot{};  // none: any of this host's
    bool give_back = true;  // what the host does not need; false: it will need it again at once
    Warn warn = [](const std::string&) {};
    Before before{};  // of each disk that could be opened, in the order of `disks`; none comes later
};

class OpenGroup {
  public:
    OpenGroup(const OpenGroup&) = delete;
    OpenGroup& operator=(const OpenGroup&) = delete;
    // With a seat: gives back what its host does not need any more (keeper.hpp). That takes about
    // TTL/10 where there is something, and otherwise a look at the slot table.
    ~OpenGroup();

    // A disk that cannot be opened is no more than absent, as long as a majority is there.
    static Result<std::unique_ptr<OpenGroup>> open(OpenOptions options);

    // As open(), and takes a seat.
    static Result<std::unique_ptr<OpenGroup>> join(OpenOptions options);

    Result<void> take_seat();  // of one that was opened without

    // Tries those that were named and are not in use again, and makes them members of roster() and of
    // `group` as soon as they are there (latecomers.hpp). Until `end` is set or nothing is missing. It
    // is begun along with a seat; who looks at a group without one begins it.
    Task<void> await_absent(Group& group, Event& end);

    // The lock files of active disks, in mixed groups; again after disks have been adopted.
    // One that cannot be had costs that disk its vote for what slots write, and no more.
    void lock_active_disks();

    RealWorld& real() { return *real_; }
    World& world() { return real_->world(); }
    Roster& roster() { return roster_; }
    Group& group() { return *group_; }  // with a seat only
    FileLocks& locks() { return locks_; }
    Duration timeout() const { return options_.timeout; }
    Instant deadline() { return real_->loop().now() + options_.timeout; }

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
    OpenGroup(std::unique_ptr<RealWorld> real, OpenOptions options)
        : real_(std::move(real)), options_(std::move(options)) {}
    Result<void> open_disks();
    Result<void> assemble();
    Result<void> drop_twin();
    Result<void> open_disk(const std::string& name, std::optional<Result<ActiveDisk>>& active);
    Error explained(Error error) const;
    Error told_of_hosts(Error error, const Host& us);
    Task<void> give_back();
    Task<void> tell_after(Duration time, std::string what) const;
    std::vector<Trouble> troubles() const;
    bool admit(Group& group, std::size_t index, RealWorld::Member& member);
    bool lock_late(const Seat& seat, std::size_t index, RealWorld::Member& member);
    Result<void> lock_active_disk(std::size_t index, Disk& disk);
    std::string why_unopened() const;

    std::unique_ptr<RealWorld> real_;
    OpenOptions options_;
    std::vector<Unopened> unopened_;
    std::vector<std::unique_ptr<io::OpenDisk>> lock_files_;  // of active disks
    FileLocks locks_;
    Roster roster_;
    std::unique_ptr<Group> group_;
    std::optional<SlotKeeper> keeper_;  // with a seat that others know of
    Event leaving_;
    std::optional<Mender> mender_;      // likewise
    std::optional<Scope> mending_;      // is cut short at the end
    std::optional<Scope> keeping_;  // last: it refers to the rest
};

// Refuses what is one disk under two names.
Result<void> refuse_twins(const std::vector<RealWorld::Member>& members);

}  // namespace diskpaxos::node
