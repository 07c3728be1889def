// Storyline: the stretches of time that lie between the events of a recording. Pure.
#pragma once

#include <span>

#include "demo/recording.hpp"

namespace diskpaxos::demo {

enum class ProcessState : std::uint8_t {
    idle,  // has a session, wants nothing at this moment
    waiting,
    holding,
    frozen,  // stopped by SIGSTOP
    dead,
    expired,  // runs, but without a session
};

inline constexpr std::size_t no_event = ~std::size_t{0};

struct Stretch {
    std::uint8_t subject = 0;
    ProcessState state{};
    Instant from{};
    Instant until{};
    std::uint64_t token = 0;       // of the holding, also while it is frozen or dead with it
    std::size_t event = no_event;  // the one that began it
};

// One process after the other, each without gaps from its first event to the end.
std::vector<Stretch> process_stretches(const Recording& recording);

// How long each holding may have acted: until it was released, killed, lost, or its lease ran out.
struct Holding {
    std::uint8_t process = 0;
    std::uint64_t token = 0;
    Instant from{};
    Instant until{};
    bool died = false;  // killed, or its lease ran out: its successor had to wait for that
};
std::vector<Holding> holdings(const Recording& recording);  // in the order of `from`

enum class DiskState : std::uint8_t { sound, wiped, unplugged, healing };

struct DiskStretch {
    std::uint8_t disk = 0;
    DiskState state{};
    Instant from{};
    Instant until{};
    std::uint32_t percent = 0;  // healed
    std::size_t event = no_event;
};
std::vector<DiskStretch> disk_stretches(const Recording& recording);

struct Interval {
    Instant from{};
    Instant until{};
};
// When fewer disks than a majority were sound: nothing can be decided then, and nothing may be.
std::vector<Interval> without_majority(const Recording& recording);

// The latencies of the operations that ended in each bin of this width; empty bins are left out.
struct Latency {
    Interval bin;
    Duration median{};
    Duration worst{};
    std::size_t count = 0;
};
std::vector<Latency> latencies(const Recording& recording, Duration width);

}  // namespace diskpaxos::demo
