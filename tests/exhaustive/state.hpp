// One state of a whole cluster: what stands on the disks, how far each request has got, where each
// process stands on its map, and what has gone wrong so far.
#pragma once

#include <array>
#include <cstdint>

#include "atlas.hpp"

namespace diskpaxos::exhaustive {

// The fate of one request: whether its write has landed, and what it has read so far.
struct Flight {
    bool landed = false;
    std::uint8_t seen = 0;  // a bit per place
    std::array<Content, max_places> row{};
};

// A write or step whose process is gone, or believes that it failed.
struct Ghost {
    std::uint8_t disk = 0;
    std::uint8_t place = 0;
    Content content = 0;
    auto operator<=>(const Ghost&) const = default;
};

// One line of the history of the operations.
struct Moment {
    enum class Kind : std::uint8_t { invoked, returned };
    Kind kind{};
    std::uint8_t operation = 0;  // actor, incarnation and act
    Act act{};
    std::uint8_t amount = 0;
    Outcome outcome;
};

inline constexpr std::size_t max_ghosts = 6;
inline constexpr std::size_t max_moments = 16;

struct State {
    std::array<std::array<Content, max_places>, max_disks> disk{};
    std::array<NodeId, max_actors> node{};
    std::array<std::uint8_t, max_actors> incarnation{};
    std::array<bool, max_actors> invoked{};  // whether the present operation stands in the history
    std::array<std::array<std::array<Flight, max_flights>, max_disks>, max_actors> flight{};
    std::array<Ghost, max_ghosts> ghost{};
    std::uint8_t ghosts = 0;
    std::uint8_t crashes = 0;
    std::uint8_t expiries = 0;
    std::uint8_t repeats = 0;
    std::uint8_t faults = 0;       // that have happened
    std::int8_t snapshot_of = -1;  // the disk that may be rolled back to `snapshot`
    std::array<Content, max_places> snapshot{};
    std::array<Moment, max_moments> history{};
    std::uint8_t moments = 0;
};

// What may happen next.
struct Choice {
    enum class Kind : std::uint8_t {
        land,
        read,
        time_out,
        repeat,          // an active disk executes a step, which is still on its way
        land_and_haunt,  // it executes and answers it, and may execute it once more later
        expire,
        begin,
        crash,
        crash_torn,
        haunt,
        spoil,
        snapshot,
        restore,
        error
    };
    Kind kind{};
    std::uint8_t actor = 0;
    std::uint8_t disk = 0;
    std::uint8_t flight = 0;
    std::uint8_t place = 0;  // read: of the row; haunt: which ghost
};

}  // namespace diskpaxos::exhaustive
