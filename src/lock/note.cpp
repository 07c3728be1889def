#include "lock/note.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "lock/timing.hpp"

namespace diskpaxos {

// A beat never goes down (M1): what is not committed may be seen by one look and not by the next.
bool is_news(const Note& note, const SessionSight& sight) {
    if (note.session != sight.session) return true;
    return sight.superseded ? !note.superseded : sight.beat > note.beat;
}

Note noted(const std::optional<Note>& before, const SessionSight& sight) {
    const bool known = before && before->session == sight.session;
    if (known && !is_news(*before, sight)) {  // note-N2: the older time, the larger TTL
        Note note = *before;
        if (!sight.superseded) note.ttl = std::max(note.ttl, sight.ttl);
        return note;
    }
    // note-N1 (M2): from the completion of the look, never from its beginning.
    const bool early = mutated(Mutant::observe_from_issue) || mutated(Mutant::note_by_begin);
    Note note{.session = sight.session,
              .superseded = sight.superseded,
              .beat = sight.superseded && known ? before->beat : sight.beat,
              .ttl = sight.superseded && known ? std::max(before->ttl, sight.ttl) : sight.ttl,
              .seen = early ? sight.began : sight.complete};
    if (known && mutated(Mutant::note_of_any_beat)) note.seen = before->seen;
    return note;
}

// note-N3 (M3).
Instant expires(const Note& note) {
    if (mutated(Mutant::observe_too_short)) return note.seen + note.ttl * 9 / 10;
    return note.seen + Timing(note.ttl).observe();
}

}  // namespace diskpaxos
