// A lock as people see it: who holds it, who held it last, who waits, by host and process instead
// of slots and epochs. Taken from a survey; what the verbs on locks print is made of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/told_once.hpp"
#include "cli/output.hpp"
#include "lock/survey.hpp"

namespace diskpaxos::cli {

struct Party {           // a holder, or somebody who waits
    SessionRef session;  // of those who wait only the low half of the epoch is known
    LockMode mode = LockMode::exclusive;
    std::uint64_t token = 0;  // of a holding
    Fate fate = Fate::unknown;
    std::optional<SessionRecord> record;  // where the session's cell still tells of this one
};

struct LockView {
    std::string name;
    std::uint64_t version = 0;
    Standing standing = Standing::no_majority;
    std::vector<DiskSays> disks;
    bool damaged = false;  // what its cell holds is no lock's record
    LockRecord record;
    std::vector<Party> holders;  // sessions that may still act
    std::vector<Party> ended;    // still named as holders, but over: they stand in nobody's way
    std::vector<Party> waiters;

    bool held() const { return !holders.empty(); }
    // It is free by what can be read, which is too little to believe it.
    bool unsure() const { return !held() && standing == Standing::no_majority; }
};

LockView view_lock(const Survey& survey, const SurveyedCell& cell);
std::vector<LockView> view_locks(const Survey& survey);

// ---- words ----

std::string brief(Duration duration);                         // "0.4 s", "4 min 3 s", "2 d 5 h"
Duration since(std::uint64_t then_ms, std::uint64_t now_ms);  // never negative
std::string clock_time(std::uint64_t unix_ms);                // "20:12:31 UTC"
std::int64_t in_ms(Duration duration);
const char* describe(SessionState state);
const char* describe(LockMode mode);
std::string who(const Party& party);                      // "host db1, pid 4711"
std::string command_of(const Party& party);               // for a terminal; empty if not known

// ---- objects ----

Json described(const Party& party);
Json described(const std::vector<DiskSays>& disks, const Survey& survey);
// {"name", "state", "mode", "token", "version", "standing", "holders", "ended", "waiters",
//  "value", "value_doubtful", "disks"}
Json described(const LockView& lock, const Survey& survey);
void put_session(Json& object, const SessionRecord& record);  // host, pid, command, since, ttl_ms

}  // namespace diskpaxos::cli
