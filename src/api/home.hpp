// Home: one session and its locks, on the library's own thread; Board: what other threads may see
// of it without asking that thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api/delivery.hpp"
#include "diskpaxos/session.hpp"
#include "io/open_disk.hpp"
#include "lock/lock.hpp"

namespace diskpaxos::library {

// Written by the library's own thread only.
struct Board {
    enum class Phase : std::uint8_t { open, lost, left };

    Board();
    api::SessionState state() const;
    bool held() const;  // others cannot hold our locks at this moment

    std::uint64_t number = 0;                        // of the home
    std::function<void(api::SessionState)> changed;  // both set before anybody sees the board
    std::atomic<Phase> phase = Phase::left;
    std::atomic<std::int64_t> danger_from_ns = 0;  // CLOCK_BOOTTIME
    std::atomic<std::int64_t> valid_until_ns = 0;
    const io::Descriptor fd;  // an eventfd: not zero while in danger or lost

    Error why_lost() const;
    void set_why_lost(Error why);

  private:
    mutable std::mutex mutex_;
    Error why_lost_;
};

// One lock handle.
struct Hold {
    std::string name;
    std::shared_ptr<const Board> board;
    std::atomic<std::uint64_t> token = 0;  // of what it holds; 0: nothing

    // The rest is for the library's own thread only.
    bool busy = false;     // a call is under way
    bool dropped = false;  // the handle is gone: let go
    Event stop;            // ends waiting
};

class Home {
  public:
    Home(World& world, Directory& directory, std::uint16_t slot, SessionOwner owner,
         std::optional<Duration> ttl, std::shared_ptr<Board> board, Delivery& delivery);

    Task<Result<void>> open(Instant deadline);
    Task<Result<void>> leave(Instant deadline);
    bool ending() const { return phase_ == Phase::leaving || over(); }
    bool over() const { return phase_ == Phase::over; }  // another session may be opened
    Event& idle() { return scope_.idle(); }              // set while nothing refers to it
    Error why_over();

    // What a lock is to all handles of this session: one Lock, and whose turn it is to use it.
    struct Room {
        Room(World& world, Directory& directory, Session& session, const std::string& name)
            : lock(world, directory, session, name) {}
        Lock lock;
        std::shared_ptr<Hold> owner;  // null: nobody
        Event changed;                // somebody has gone, or wants to be woken
    };
    Room& room(const std::string& name);
    void clear(Room& room);
    void stop(Hold& hold);  // its waiting, if it waits
    void stop_all();        // of whoever waits or would wait from now on
    bool stopping() const { return stopping_; }

    // Releases for a handle that is gone, or does not know what it has, again and again while the
    // disks do not answer.
    void let_go(Room& room);

    World& world() { return world_; }
    Session& session() { return session_; }
    Duration patience() const { return session_.timing().ttl(); }

  private:
    enum class Phase : std::uint8_t { opening, open, leaving, over };

    Task<void> publish();
    void show();
    void announce(api::SessionState state);
    Task<void> keep_releasing(Room& room);

    World& world_;
    Directory& directory_;
    std::shared_ptr<Board> board_;
    Delivery& delivery_;
    Session session_;
    Phase phase_ = Phase::opening;
    bool stopping_ = false;
    api::SessionState shown_ = api::SessionState::left;
    std::map<std::string, Room> rooms_;
    Scope scope_;  // last: its frames refer to the rest
};

}  // namespace diskpaxos::library
