// Trace: one step of the protocol per call, for people and for checkers. It takes numbers, not
// text, so that a trace that is switched off costs one virtual call.
#pragma once

#include <cstdint>

#include "base/rank.hpp"

namespace diskpaxos {

struct Step {
    enum class Kind : std::uint8_t {
        phase_started,   // rank: ours
        disk_counted,    // rank: ours, disk
        disk_refused,    // rank: ours, other: the higher promise seen, disk
        disk_failed,     // disk; detail: Failure
        read_done,       // rank: ours, other: rank of the value found
        read_refused,    // rank: ours, other: the higher promise seen
        write_done,      // rank: ours
        write_refused,   // rank: ours, other: the higher promise seen
        unavailable,     // rank: ours
        intruder,        // somebody else writes our block; disk
        rolled_back,     // our own block came back older than we wrote it; disk
        backed_off,      // detail: nanoseconds
    };
    Kind kind{};
    std::uint32_t cell = 0;
    std::uint16_t disk = 0;
    Rank rank;
    Rank other;
    std::uint64_t detail = 0;
};

class Trace {
  public:
    virtual ~Trace() = default;
    virtual void step(const Step& step) = 0;
};

class NoTrace final : public Trace {
  public:
    void step(const Step&) override {}
};

}  // namespace diskpaxos
