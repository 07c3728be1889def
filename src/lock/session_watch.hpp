// SessionWatch: whether one session of somebody else is over (algorithms.md 9.2, M1 to M4).
//
// The observer trusts no clock but its own. What it watches is the session's sign of life, the
// version of its cell; T counts from the completion of the first look that showed it to the issue
// of the last that still did. Then the session has expired, and evict() makes that agreed: a
// change of the session's cell which only commits if there was no renewal in between.
#pragma once

#include "group/directory.hpp"
#include "lock/session_record.hpp"
#include "lock/timing.hpp"

namespace diskpaxos {

enum class Liveness : std::uint8_t {
    alive,    // or so it must be assumed: it was not watched for T yet
    expired,  // silent for T; evict it
    gone,     // it left, or was evicted, or a later session has its slot and it has expired
};

struct Evictor {  // who we are, for the record of those we evict
    std::string host_name;
    Uuid boot{};
    std::uint32_t pid = 0;
};

class SessionWatch {
  public:
    SessionWatch(World& world, Directory& directory, SessionRef session);

    // One look; a second one only to make sure that what looks gone is committed.
    Task<Result<Liveness>> look(Instant deadline);

    // After `expired`. `gone`: from now on it cannot renew. `alive`: it was quicker.
    Task<Result<Liveness>> evict(Evictor evictor, Instant deadline);

    // Whatever its lease says: for people who know better than the clocks (`break`). What it
    // guards may still run until its TTL has passed.
    Task<Result<Liveness>> evict_now(Evictor evictor, Instant deadline);

    const SessionRef& session() const { return session_; }
    const std::optional<SessionRecord>& record() const { return record_; }  // as last seen
    // When a look could show that it has expired, if it stays silent.
    Instant expires() const { return first_seen_ + observe_; }
    bool seen() const { return seen_; }
    Instant first_seen() const { return first_seen_; }

  private:
    // What must not change for T: the version, or that a later session stands in its place.
    struct Sign {
        bool superseded = false;
        std::uint64_t version = 0;
        bool operator==(const Sign&) const = default;
    };
    Liveness judge(const Named& cell, Instant issued, Instant completed);
    Task<Result<Liveness>> change(Evictor evictor, bool any_version, Instant deadline);

    World& world_;
    Directory& directory_;
    SessionRef session_;
    std::string name_;
    bool seen_ = false;
    Sign sign_;
    Instant first_seen_{};
    Duration observe_{};
    std::optional<SessionRecord> record_;
};

}  // namespace diskpaxos
