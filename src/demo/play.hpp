// Play: what the director and the processes of a show share: where things are, the directions that
// the director gives in shared memory, and the wire on which everybody's notes come in.
#pragma once

#include <array>
#include <atomic>
#include <climits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "demo/recording.hpp"
#include "disk/geometry.hpp"

namespace diskpaxos::demo {

Instant now();  // CLOCK_BOOTTIME, as the loops of all processes have it

// Lives in shared memory; every process looks at it as it goes along.
struct Directions {
    std::atomic<bool> curtain = false;    // everybody leaves
    std::atomic<bool> linger = false;     // the next holder holds on until this is false again
    std::atomic<unsigned> lingering = 0;  // the number of the process that does, plus one
    std::array<std::atomic<bool>, max_disks> unplugged{};
    std::array<char, 400> trouble{};  // the last sentence of an errand that failed
};

struct Store {  // what a disk of the show lies in
    std::string file;
    std::string socket{};  // of the agent that makes an active disk of it; empty: a passive one
    std::string log{};     // of that agent

    bool active() const { return !socket.empty(); }
    std::string name() const { return active() ? "agent+unix://" + socket : file; }
};

struct Note {
    enum class Kind : std::uint8_t { event, begun, ended };
    Kind kind{};
    Event event;               // of kind event
    sim::Operation operation;  // begun: as far as it is known
};
// A write of this size into a pipe is done as a whole or not at all, kill -9 or not.
static_assert(std::is_trivially_copyable_v<Note> && sizeof(Note) <= PIPE_BUF);

class Play {
  public:
    Play(std::vector<Store> stores, std::string resource, Duration ttl, std::uint64_t seed);
    Play(const Play&) = delete;
    Play& operator=(const Play&) = delete;
    ~Play();

    const std::vector<Store>& stores() const { return stores_; }
    const std::vector<std::string>& disks() const { return disks_; }
    const std::string& resource() const { return resource_; }
    Duration ttl() const { return ttl_; }
    std::uint64_t seed() const { return seed_; }
    Directions& directions() const { return *directions_; }

    void send(const Note& note) const;
    // Nothing if none comes in that time.
    std::optional<Note> receive(Duration patience) const;

  private:
    std::vector<Store> stores_;
    std::vector<std::string> disks_;  // paths and URLs
    std::string resource_;            // path
    Duration ttl_;
    std::uint64_t seed_;
    Directions* directions_;
    int read_end_ = -1;
    int write_end_ = -1;
};

}  // namespace diskpaxos::demo
