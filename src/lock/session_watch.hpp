// SessionWatch: whether one session of somebody else is over (algorithms.md 9.2, M1 to M4).
//
// The observer trusts no clock but its own. What it watches is the session's sign of life, the
// beat of its record; T counts from the completion of the first look that showed the latest one
// to the issue of the last that showed no later one. Then the session has expired, and evict()
// makes that agreed: a change of the session's cell which only commits if there was no renewal in
// between.
#pragma once

#include "group/directory.hpp"
#include "lock/note.hpp"
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

    // Goes on from what an earlier process of this boot has seen; before the first look.
    void recall(const Note& note);

    // One look; a second one only to make sure that what shows no life of it is committed.
    Task<Result<Liveness>> look(Instant deadline);

    // After `expired`. `gone`: from now on it cannot renew. `alive`: it was quicker.
    Task<Result<Liveness>> evict(Evictor evictor, Instant deadline);

    // Whatever its lease says: for people who know better than the clocks (`break`). What it
    // guards may still run until its TTL has passed.
    Task<Result<Liveness>> evict_now(Evictor evictor, Instant deadline);

    const SessionRef& session() const { return session_; }
    const std::optional<SessionRecord>& record() const { return record_; }  // as last seen
    // When a look could show that it has expired, if it stays silent.
    Instant expires() const { return note_ ? diskpaxos::expires(*note_) : Instant(); }
    bool seen() const { return note_.has_value(); }
    Instant first_seen() const { return note_ ? note_->seen : Instant(); }
    const std::optional<Note>& note() const { return note_; }
    bool recalled() const { return recalled_; }
    bool renewed() const { return renewed_; }  // it showed life since it was first seen

  private:
    Liveness judge(const Named& cell, Instant issued, Instant completed);
    Duration published_ttl() const;
    Task<Result<Liveness>> change(Evictor evictor, bool any_beat, Instant deadline);

    World& world_;
    Directory& directory_;
    SessionRef session_;
    std::string name_;
    std::optional<Note> note_;  // the latest sign that was seen, and since when
    bool recalled_ = false;
    bool renewed_ = false;
    std::optional<SessionRecord> record_;
};

}  // namespace diskpaxos
