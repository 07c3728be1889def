// Session: this process's sign of life, on which all its locks hang. The library's own thread
// renews it; a group has one at a time.
//
// When renewals fail, the session is first in danger, then lost. Whatever is done under its locks
// must have stopped when it is lost: from then on others may take them.
#pragma once

#include "diskpaxos/lock.hpp"

namespace diskpaxos::api {

enum class SessionState : std::uint8_t {
    sound,   // more than a quarter of its TTL is left
    danger,  // less is left: stop what its locks protect, or finish it by valid_until()
    lost,    // over, and not by our own will
    left,    // over, by leave() or by closing the group
};

struct SessionOptions {
    // How long it lives without being renewed, 1 s to 1 h. Zero: as the disks say. So long do
    // others wait for the locks of a process that died.
    std::chrono::milliseconds ttl{0};
    std::string command{};  // what `diskpaxos show` calls this process; empty: the program's name
    // Called whenever the state has changed, where other callbacks are (see Group::dispatch()).
    std::function<void(SessionState)> changed{};
};

class Session {
  public:
    // The last handle that goes leaves, without waiting for that.
    Result<void> leave(Timeout timeout = {});
    Result<void> leave_async(Then<void> then, Timeout timeout = {});

    Lock lock(std::string name);

    // All of these from any thread, without waiting.
    SessionState state() const;
    bool sound() const { return state() == SessionState::sound; }
    // Until then nobody else can hold its locks: nanoseconds of CLOCK_BOOTTIME. It moves with
    // every renewal.
    std::int64_t valid_until_ns() const;
    // For poll(2): readable while the session is in danger or lost. Not to be read or closed; it
    // lives as long as this handle.
    int fd() const;
    Error why_lost() const;  // once it is lost

  private:
    friend class Group;
    explicit Session(std::shared_ptr<library::Life> life) : life_(std::move(life)) {}

    std::shared_ptr<library::Life> life_;
};

}  // namespace diskpaxos::api
