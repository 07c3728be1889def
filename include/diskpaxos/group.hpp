// Group: a group of disks, opened by this process, with a slot of its own in it.
//
// Each opened group has one thread of its own, which does all the I/O, renews the session, and
// blocks all signals. Handles (Group, Cell, Session) are cheap to copy and may be used from any
// thread; the group is closed by close(), or when the last handle of any kind is gone.
//
// fork(): a child cannot use what its parent opened. Every call there ends with `usage`, and
// destroying the handles does nothing. A child that neither execs nor ends keeps the parent's slot
// locked, so fork before opening, or exec.
#pragma once

#include <optional>
#include <vector>

#include "diskpaxos/session.hpp"

namespace diskpaxos::api {

enum class Callbacks : std::uint8_t {
    dispatch,  // whoever calls Group::dispatch() calls them
    thread,    // the library's own thread calls them: they must be short, and must not block
};

enum class Backend : std::uint8_t { automatic, io_uring, threads };

struct Options {
    std::vector<std::string> disks{};     // paths and URLs; or none, and:
    std::string group{};                  // NAME or FILE, as -g takes; empty: $DISKPAXOS_GROUP
    std::chrono::seconds timeout{10};     // of opening, and of every call that names no other
    std::optional<std::uint32_t> slot{};  // this one; none: any of this host's
    Backend backend = Backend::automatic;
    Callbacks callbacks = Callbacks::dispatch;
    // Called by open(), in its thread, with one sentence about each thing that is not as it should
    // be and yet no reason to fail.
    std::function<void(const std::string&)> warn{};
};

struct GroupFacts {
    std::string name;
    std::string uuid;
    std::uint32_t disks = 0;          // that vote
    std::uint32_t present = 0;        // that were in use when it was opened; others may come later
    std::uint32_t slot = 0;           // ours; 2^32 - 1 where all disks are active: nobody needs one
    std::chrono::milliseconds ttl{};  // of sessions that name no other
};

class Group {
  public:
    // Blocks for as long as opening takes. The first process of a host that opens a group claims
    // slots, which takes about a tenth of the TTL.
    static Result<Group> open(Options options);

    // Refuses new calls, ends waiting for locks, and waits for all else that is under way, each
    // within its time-out; leaves the session; delivers the callbacks that are left; closes the
    // disks. From a callback on the library's own thread it only begins all that.
    void close();

    const GroupFacts& facts() const;
    Cell cell(std::string name) const;

    Result<Session> open_session(SessionOptions options = {}, Timeout timeout = {}) const;
    Result<void> open_session_async(SessionOptions options, Then<Session> then,
                                    Timeout timeout = {}) const;

    // For event loops, with Callbacks::dispatch: fd() is readable while callbacks wait; dispatch()
    // calls them, in the thread that calls it, and says how many there were. Not to be read or
    // closed; it lives as long as this handle.
    int fd() const;
    std::size_t dispatch() const;

  private:
    explicit Group(std::shared_ptr<library::Strand> strand) : strand_(std::move(strand)) {}
    std::shared_ptr<library::Strand> strand_;
};

}  // namespace diskpaxos::api
