// Lock: a named cell that records which sessions hold it (algorithms.md 9.4).
//
// Acquire, release and convert are each one change of the cell. A holder whose session is over is
// dropped in the same change that takes its place, so the take-over itself is atomic; clocks only
// say when the old holder has stopped. The token is counted in the record and given to a
// committed acquisition only: it rises from holding to holding, whatever the clocks do.
#pragma once

#include <functional>
#include <map>

#include "lock/lock_record.hpp"
#include "lock/poll.hpp"
#include "lock/session.hpp"

namespace diskpaxos {

struct LockWish {
    LockMode mode = LockMode::exclusive;
    bool wait = true;      // false: try once
    Instant until{};       // stop waiting then
    Duration patience{};   // for one operation on the disks, while trying or withdrawing
    Event* stop = nullptr;  // ends the waiting, as `until` does
    // Of those who may stand in the way: what earlier processes have seen of them (note.hpp).
    std::vector<Note> notes{};
    // While waiting: called when no majority answers any more, with the reason, and with null when
    // one answers again.
    std::function<void(const Error*)> tell_majority{};
};

// Somebody who stands in the way, as it was last looked at.
struct Obstacle {
    SessionRef session;
    std::optional<SessionRecord> record;  // unless nothing tells of this session any more
    bool recalled = false;                // a note told of it before
    bool renewed = false;                 // and it has shown life since, or while we waited
    Instant expires{};                    // a look that begins then can tell that it has expired
};

class Lock {
  public:
    // One process asks for one lock through one Lock.
    Lock(World& world, Directory& directory, Session& session, std::string name);

    // The token, or: busy (somebody else holds it), lost (our session is over), no_quorum (for
    // those who wait: until the end of their patience), usage (the name is no lock), or
    // unknown_outcome: it may have become ours, for as long as our session lives. Then ask again,
    // release it, or leave the session.
    Task<Result<std::uint64_t>> acquire(LockWish wish);

    // After everything done under it has stopped. `unknown_outcome` and `no_quorum`: it is over
    // for us; call again, or leave the session, so that others need not wait for the TTL.
    Task<Result<void>> release(Instant deadline);

    // In place. To exclusive only as the sole holder (else: busy), with a new token.
    Task<Result<std::uint64_t>> convert(LockMode mode, Instant deadline);

    // The value kept with the lock, at most max_lock_value bytes: of the last exclusive holder
    // that set one. Survives everybody; `doubtful` if a holder was evicted since.
    const Bytes& value() const { return record_.value; }
    bool value_doubtful() const { return record_.doubtful; }
    Task<Result<void>> set_value(Bytes value, Instant deadline);  // exclusive holders only

    // Under the session that took it: a later one of ours has no part in it. Not from the moment
    // release() is called, nor while a convert to shared may be applied that we know nothing of.
    bool held() const { return ours() && !unsettled_; }
    bool in_doubt() const { return in_doubt_; }  // it may have become ours: release() settles that
    std::uint64_t token() const { return token_; }
    const std::string& name() const { return name_; }
    const LockRecord& record() const { return record_; }  // as last seen

    // After a refusal: what was seen of those who stand in the way, for a later process, and for
    // people.
    std::vector<Note> notes() const;
    std::vector<Obstacle> obstacles() const;

  private:
    struct Watched {
        SessionWatch watch;
        Instant next_look;
    };

    // What the change of a lock found, on the base that committed.
    enum class Finding : std::uint8_t { changed, held, queued, standing, foreign, damaged };
    using Rule = std::function<Finding(LockRecord& lock)>;  // held, standing: nothing to write

    Task<Result<Finding>> change(Rule rule, Instant deadline);
    Task<Result<Finding>> attempt(const LockWish& wish, bool queue);
    Task<Result<void>> look(Instant deadline);
    LockWish cut_short(const LockWish& wish) const;
    void note_majority(const LockWish& wish, const Error* trouble);
    Task<Result<bool>> watch_holders(LockWish wish);
    Task<Result<bool>> watch_places(LockWish wish);
    Task<Result<bool>> is_over(SessionRef session, Duration interval, Duration patience);
    Watched& watched(SessionRef session);
    void forget_watches();
    Task<Result<std::uint64_t>> wait(LockWish wish);
    Task<Error> withdraw(LockWish wish, Error why);
    Task<Result<Finding>> give_up(Instant deadline);
    Result<std::uint64_t> taken();
    bool ours() const {
        return token_ != 0 && !released_ && holder_ == session_.ref() && session_.sound();
    }
    Task<void> relay_end(Event& end, Event& wake);
    Task<void> relay_change(Instant until, Event& wake);
    bool worth_an_attempt(LockMode mode) const;
    void note_free();
    std::size_t skippable() const;
    bool fits(const LockRecord& lock) const;
    bool has_room(const LockRecord& lock) const;
    bool is_gone(const SessionRef& session) const;
    void note(const LockRecord& record, std::uint64_t version);
    Error busy() const;

    World& world_;
    Directory& directory_;
    Session& session_;
    std::string name_;

    std::uint64_t token_ = 0;  // of our holding; 0: none
    SessionRef holder_;        // whose it is
    bool in_doubt_ = false;    // a change of ours may be applied that we know nothing of
    bool released_ = false;    // release() was called: over for us, whatever comes of it
    bool unsettled_ = false;   // a convert to shared is in doubt
    bool repeated_ = false;    // the last change may have been made by an earlier attempt
    LockRecord record_;        // as last seen, committed or not
    std::uint64_t version_ = 0;
    std::optional<Instant> free_since_;  // nobody has stood in our way since, nor moved
    std::map<SessionRef, Watched> watches_;
    std::vector<Note> recalled_;       // of earlier processes
    bool majority_ = true;             // as the last look of a waiter found it
    std::vector<Waiter> void_places_;  // in the queue, of sessions that are over
    Instant next_places_{};
    std::vector<SessionRef> gone_;  // sessions known to be over, for ever
};

}  // namespace diskpaxos
