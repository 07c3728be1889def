// LockJudge: what must hold of sessions and locks, judged from outside and in true time.
//
//  L1  Two acts under incompatible holdings of one lock never overlap. (Not asked beyond the bound
//      on clocks, nor of a session that somebody broke by hand.)
//  L2  Tokens: one that is acknowledged is larger than every one that was acknowledged before it
//      was asked for, no two holdings have the same one, and in the committed history of a lock
//      each new holding has a token larger than all before.
//  L3  A resource that accepts a writer iff its token is not below the largest seen never turns a
//      newer holder away for an older one.
//  L4  A holder is dropped only by itself, or after its session is over in the session's own cell:
//      it left, was evicted, or another session has its slot.
//  L5  The value changes by its exclusive holder alone; it is doubtful, if there is one, from the
//      eviction of an exclusive holder on until it is set anew. A new holder sees the value that
//      is committed.
//  L6  A session whose lease has ended is over for ever (checked by warden.cpp).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/timer.hpp"
#include "base/rank.hpp"
#include "consensus/record.hpp"
#include "lock/lock_record.hpp"

namespace diskpaxos::sim {

struct Holding {  // as its holder believes
    std::string lock;
    SessionRef session;
    LockMode mode = LockMode::exclusive;
    std::uint64_t token = 0;
};

class LockJudge {
  public:
    LockJudge(const RecordFormat& format, DiskKinds kinds, bool clocks_are_good)
        : format_(format), slots_(kinds != DiskKinds::active), clocks_are_good_(clocks_are_good) {}

    // What holders tell.
    std::uint64_t largest_token(const std::string& lock) { return locks_[lock].acknowledged; }
    void granted(const Holding& holding, std::uint64_t floor, const Bytes& value);
    void acted(const Holding& holding, Instant begin, Instant end);
    void wrote(const Holding& holding);  // to the resource that the lock guards
    void broken(SessionRef session) { broken_.insert(session); }

    // What the disks tell.
    void pushed(std::uint32_t cell, Rank rank, ByteView record);
    void committed(std::uint32_t cell, Rank rank);

    const std::string& violation() const { return violation_; }
    void violate(std::string what) {
        if (violation_.empty()) violation_ = std::move(what);
    }
    std::uint64_t refused_writes() const { return refused_writes_; }
    std::uint64_t overlaps() const { return overlaps_; }  // those that were not asked about

  private:
    struct Act {
        SessionRef session;
        LockMode mode;
        Instant begin, end;
    };
    struct Version {
        LockRecord record;
        Bytes cell;  // the whole record: it tells who made it so
    };
    using History = std::map<std::uint64_t, Version>;
    struct Watched {
        std::uint64_t acknowledged = 0;
        std::map<std::uint64_t, SessionRef> tokens;  // all that were acknowledged
        std::vector<Act> acts;
        std::uint64_t resource = 0;                // the largest token that it has seen
        History history;                           // committed, by version
    };
    struct Pushed {
        std::string name;
        std::uint64_t version = 0;
        Version lock;
    };

    History::const_iterator passed_over(const Holding& holding) const;
    void check_neighbours(const std::string& name, std::uint64_t version);
    void check_change(const std::string& name, const Version& before, const Version& after);
    void check_tokens(const std::string& name, const LockRecord& before, const LockRecord& after);
    bool over(SessionRef session) const;
    bool made_by(const Version& version, SessionRef session) const;

    const RecordFormat& format_;
    bool slots_;  // a session has the number of its process's slot
    bool clocks_are_good_;
    std::map<std::string, Watched> locks_;
    std::map<std::pair<std::uint32_t, Rank>, Pushed> pushed_;   // lock records only
    std::map<std::uint16_t, std::vector<SessionRecord>> ends_;  // per slot: what ended a session
    std::map<SessionRef, std::set<Proposer>> openers_;  // where there are no slots
    std::set<SessionRef> broken_;
    std::uint64_t refused_writes_ = 0;
    std::uint64_t overlaps_ = 0;
    std::string violation_;
};

std::string describe(const Holding& holding);

}  // namespace diskpaxos::sim
