// What a later process may conclude from what an earlier one has seen: the rules note-N1 to N3.
#include "lock/note.hpp"

#include <gtest/gtest.h>

#include "lock/timing.hpp"

namespace diskpaxos {
namespace {

using std::chrono::seconds;

constexpr SessionRef holder{.slot = 3, .epoch = 41};
constexpr SessionRef later_holder{.slot = 3, .epoch = 97};

Instant at(int second) {
    return Instant(seconds(second));
}

SessionSight sight(std::uint32_t beat, int began, int complete, int ttl = 10) {
    return {.session = holder,
            .superseded = false,
            .beat = beat,
            .ttl = seconds(ttl),
            .began = at(began),
            .complete = at(complete)};
}
SessionSight gone_from_its_cell(int began, int complete, int ttl = 10) {
    SessionSight seen = sight(0, began, complete, ttl);
    seen.superseded = true;
    return seen;
}
Note note(std::uint32_t beat, int seen, int ttl = 10, bool superseded = false) {
    return {.session = holder,
            .superseded = superseded,
            .beat = beat,
            .ttl = seconds(ttl),
            .seen = at(seen)};
}

TEST(NoteRules, WhatIsKnownAfterALook) {
    struct Row {
        const char* what;
        std::optional<Note> before;
        SessionSight sight;
        Note after;
        bool news;
    };
    Note of_another = note(9, 1);
    of_another.session = later_holder;
    for (const Row& row : {
             Row{"the first look counts from its end", {}, sight(5, 100, 103), note(5, 103), true},
             Row{"the same beat keeps the older time", note(5, 90), sight(5, 100, 103), note(5, 90),
                 false},
             Row{"a later beat begins anew", note(5, 90), sight(6, 100, 103), note(6, 103), true},
             Row{"a beat never goes down", note(5, 90), sight(4, 100, 103), note(5, 90), false},
             Row{"the larger TTL of the two", note(5, 90, 10), sight(5, 100, 103, 30),
                 note(5, 90, 30), false},
             Row{"also if the note has it", note(5, 90, 30), sight(5, 100, 103, 10),
                 note(5, 90, 30), false},
             Row{"another session begins anew", of_another, sight(5, 100, 103), note(5, 103), true},
             Row{"its cell is another's now", note(5, 90), gone_from_its_cell(100, 103),
                 note(5, 103, 10, true), true},
             Row{"whose TTL says nothing of the one that was noted", note(5, 90, 30),
                 gone_from_its_cell(100, 103, 10), note(5, 103, 30, true), true},
             Row{"and was before", note(5, 90, 10, true), gone_from_its_cell(100, 103, 60),
                 note(5, 90, 10, true), false},
             Row{"a renewal that came through after all", note(5, 90, 10, true), sight(6, 100, 103),
                 note(6, 103), true},
         }) {
        EXPECT_EQ(noted(row.before, row.sight), row.after) << row.what;
        EXPECT_EQ(!row.before || is_news(*row.before, row.sight), row.news) << row.what;
    }
}

TEST(NoteRules, TIsOfTheTtlThatWasNoted) {
    for (const int ttl : {1, 10, 3600}) {
        EXPECT_EQ(expires(note(5, 90, ttl)), at(90) + Timing(seconds(ttl)).observe());
        EXPECT_GT(expires(note(5, 90, ttl)), at(90 + ttl));
    }
}

}  // namespace
}  // namespace diskpaxos
