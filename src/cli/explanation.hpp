// Explanation: what `explain` says of a name, in plain words. Pure: a situation in, lines out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/lock_view.hpp"

namespace diskpaxos::cli {

// What watching a holder's session for a while has shown.
struct Watched {
    Duration length{};                    // for how long
    std::optional<Duration> renewed_ago;  // it showed a sign of life meanwhile
    Duration expires_in{};                // for who has watched it as long as we have
    Duration ttl{};                       // that it lives by
    Duration renewal{};                   // at most between two signs of life
    bool over = false;                    // it ended meanwhile
    std::string trouble;                  // why it could not be watched; empty: it could

    // Not one sign for as long as it may let pass between two.
    bool silent() const { return !over && !renewed_ago && trouble.empty() && length >= renewal; }
};

struct Situation {
    std::string name;
    std::string same_disks;    // options for the commands that are suggested
    std::uint64_t now_ms = 0;  // unix time
    std::vector<std::string> disk_names;
    std::size_t answered = 0;
    std::size_t needed = 0;
    bool majority = true;
    SurveyedCell cell;
    std::optional<LockView> lock;  // if it is one
    std::vector<Watched> watched;  // one per holder of the lock

    // Whether a majority can be read of this very name, too.
    bool in_sight() const { return majority && cell.standing != Standing::no_majority; }
};

struct FreeBy {  // when a lock can be free at the latest, and whether that is bounded at all
    std::optional<Duration> in;  // none: as long as its holder renews and does not release
    bool once_waited_for = false;
};
FreeBy free_by(const Situation& at);

std::vector<std::string> explained(const Situation& at);

}  // namespace diskpaxos::cli
