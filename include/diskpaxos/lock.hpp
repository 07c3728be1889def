// Lock: a named lock that this process asks for under its session.
//
// One handle holds a lock at most once, and within one session one handle at a time holds a lock of
// a name, in whatever mode: handles of the same process wait for each other as processes do. Calls
// of one handle exclude each other (usage), except cancel() and what only asks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "diskpaxos/cell.hpp"

namespace diskpaxos::library {
struct Hold;
class Life;
}  // namespace diskpaxos::library

namespace diskpaxos::api {

enum class Mode : std::uint8_t { shared, exclusive };

// How long acquire() waits for others. The disks have Options::timeout besides.
inline constexpr Timeout try_once{0};
inline constexpr Timeout forever{-1};

struct LockValue {
    std::string bytes;      // at most 32, of the last exclusive holder that set some
    bool doubtful = false;  // an exclusive holder was evicted since they were set
};

class Lock {
  public:
    // A handle that goes lets go of its lock, or of its wish for it, without waiting for that.
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    Lock(Lock&&) noexcept;
    Lock& operator=(Lock&&) noexcept;

    const std::string& name() const;

    // The token of this holding: larger than that of every earlier holding of the lock, for ever.
    // Hand it to whatever the lock protects, and let that refuse smaller ones. Errors: busy (others
    // hold it), lost (the session is over), unknown_outcome (it may have become ours; the library
    // releases it). Unlike other time-outs, zero here means: try once.
    Result<std::uint64_t> acquire(Mode mode = Mode::exclusive, Timeout patience = forever);

    // After everything that was done under it has stopped. Error lost: it was not ours any more.
    // After any other error call it again, or leave the session: others must wait until then.
    Result<void> release(Timeout timeout = {});

    // In place. To exclusive only as the sole holder (otherwise busy), with a new token; to shared
    // always, with the same one.
    Result<std::uint64_t> convert(Mode mode, Timeout timeout = {});

    // The small value that is kept with the lock. As it was when this handle took the lock, changed
    // it or last asked for it; only exclusive holders can set it.
    Result<LockValue> value() const;
    Result<void> set_value(std::string bytes, Timeout timeout = {});

    // Ends an acquire() that waits: it returns busy. From any thread.
    void cancel();

    // Held, by a session that is not lost at this moment; it may be in danger. Not any more as soon
    // as release() begins, whatever comes of it. From any thread, without waiting.
    bool held() const;
    std::uint64_t token() const;  // 0: none

    Result<void> acquire_async(Mode mode, Timeout patience, Then<std::uint64_t> then);
    Result<void> release_async(Then<void> then, Timeout timeout = {});
    Result<void> convert_async(Mode mode, Then<std::uint64_t> then, Timeout timeout = {});
    Result<void> set_value_async(std::string bytes, Then<void> then, Timeout timeout = {});

  private:
    friend class Session;
    Lock(std::shared_ptr<library::Life> life, std::shared_ptr<library::Hold> hold);
    void drop() noexcept;

    std::shared_ptr<library::Life> life_;
    std::shared_ptr<library::Hold> hold_;
};

}  // namespace diskpaxos::api
