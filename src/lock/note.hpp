// Note: what a process has seen of the session of one that stands in its way. A process that waits
// keeps it in memory (session_watch.hpp); one that does not wait leaves it behind, for a later one
// of the same user, on the same boot of the same host. docs/timing.md has the rules note-N1 to N5.
#pragma once

#include <optional>

#include "async/timer.hpp"
#include "lock/session_record.hpp"

namespace diskpaxos {

// What one look showed. Its times, and those of notes, are CLOCK_BOOTTIME of one boot.
struct SessionSight {
    SessionRef session;
    bool superseded = false;  // a later session stands in its place, or nothing that tells of it
    std::uint32_t beat = 0;   // its sign of life, unless it is superseded
    Duration ttl{};           // that it lives by, as it publishes it
    Instant began{};
    Instant complete{};  // a quorum had answered
};

struct Note {
    SessionRef session;
    bool superseded = false;
    std::uint32_t beat = 0;  // the latest that was ever seen
    Duration ttl{};
    Instant seen{};  // when the look that first showed this was complete
    bool operator==(const Note&) const = default;
};

// Whether the look showed something that the note does not know: a later sign of life, or that it
// is superseded now.
bool is_news(const Note& note, const SessionSight& sight);

// What is known after it.
Note noted(const std::optional<Note>& before, const SessionSight& sight);

// When a look may begin that shows, if it shows no news, that the session has expired.
Instant expires(const Note& note);

}  // namespace diskpaxos
