// Recording: what happened in a show, when, and to whom. The processes note it themselves, on one
// clock of one machine; what the picture shows, what the captions say and what the judge judges all
// come from here and from nowhere else.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "async/timer.hpp"
#include "sim/history.hpp"

namespace diskpaxos::demo {

enum class Happening : std::uint8_t {
    // to a process
    joined,    // has a seat and a session
    waiting,   // asks for the lock
    holding,   // has it
    wrote,     // the resource accepted its write
    refused,   // the resource refused its write: it has seen a larger token
    released,  // stopped acting; the lock may be another's from here on
    killed,    // kill -9
    stopped,   // SIGSTOP
    resumed,   // SIGCONT
    lost,      // learnt that its session is over
    left,      // ended of its own accord
    // to a disk
    sound,
    wiped,      // zeros over the whole of it
    unplugged,  // does not answer
    plugged,    // answers again, what was held up included
    healing,    // so many percent of the damage are gone
};
inline constexpr Happening last_happening = Happening::healing;

constexpr bool to_disk(Happening what) {
    return what >= Happening::sound;
}
const char* describe(Happening what);

struct Event {  // plain: it travels through a pipe, and its process may be killed at any time
    Instant at{};
    Happening what{};
    std::uint8_t subject = 0;  // the number of the process or disk
    std::int32_t pid = 0;
    std::uint64_t token = 0;
    std::uint64_t largest = 0;  // refused: the largest token that the resource has seen
    std::uint64_t round = 0;    // of the lock's register, where known
    Duration margin{};          // what was left of the lease
    std::uint32_t percent = 0;  // healing

    bool operator==(const Event&) const = default;
};

struct Act {
    std::string name;
    std::string number;   // what it showed, in a few words with the figure
    std::string caption;  // the same as a sentence
    Instant from{};
    Instant until{};
};

struct Figure {  // one number that sums a part of the show up
    std::string number;
    std::string text;
};

struct Recording {
    Instant start{};
    Instant end{};
    std::uint64_t seed = 0;
    std::uint64_t unix_ms = 0;  // when it began, for people
    std::string command;
    Duration ttl{};
    unsigned processes = 0;
    std::vector<std::string> disks;
    std::vector<Act> acts;
    std::vector<Figure> figures;
    std::vector<Event> events;               // in the order of `at`
    std::vector<sim::Operation> operations;  // on the counter; start and end on the same clock

    std::size_t majority() const { return disks.size() / 2 + 1; }
    double seconds(Instant at) const { return std::chrono::duration<double>(at - start).count(); }
};

// Stable keys, times in milliseconds since the start. With the operations it is all there is.
nlohmann::ordered_json to_json(const Recording& recording, bool with_operations);

}  // namespace diskpaxos::demo
