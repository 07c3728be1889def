// SessionRecord: what a session's cell says. Only its owner renews it; anybody may evict it.
//
//   0 state u8 · 1 host name length u8 · 2 command length u8 · 3 one if `seen` is there, else zero
//   4 ttl, ms u32 · 8 opened u64 · 16 unclean u64 · 24 since, unix ms u64 · 32 pid u32
//   36 margin, ms u32 · 40 boot[8] · 48 seen, unix ms u64 · 56 beat u32 · 60 host name · command
//
// Programs of before `seen` write all 16 bytes of the boot id and a zero at 3. They never read either:
// so they read these records, and these programs read theirs.
//
// `opened` is the version of the cell at which this session was opened: its epoch, which no other
// session of the slot ever has.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "disk/sealed.hpp"

namespace diskpaxos {

// Names one session for ever. The epoch's low 32 bits suffice: renewing every second for a
// hundred years uses 2^32 of them up.
struct SessionRef {
    std::uint16_t slot = 0;
    std::uint32_t epoch = 0;
    bool operator==(const SessionRef&) const = default;
    auto operator<=>(const SessionRef&) const = default;
};

enum class SessionState : std::uint8_t {
    live = 1,     // until it leaves, is evicted, or shows no sign of life for its TTL
    left = 2,     // by itself: nothing that it guarded runs any more
    evicted = 3,  // by another; host name and pid are the evictor's
};

struct SessionRecord {
    SessionState state = SessionState::live;
    std::uint32_t ttl_ms = 0;  // the longest of its own and of those that `unclean` tells of
    std::uint64_t opened = 0;
    // Sessions of this slot from this epoch on to `opened` were cut short, and may not have
    // expired yet. 0: none. The owner clears it when they have.
    std::uint64_t unclean = 0;
    std::uint64_t since_ms = 0;  // unix time, for people
    std::uint32_t pid = 0;
    std::uint32_t margin_ms = 0;  // what was left of the lease when it was last renewed
    Uuid boot{};               // the first half of it, where `seen` is told
    // Unix time of the last renewal, by the owner's clock; of leaving, once it has left. For people
    // only. 0: not told.
    std::uint64_t seen_ms = 0;
    // The sign of life: attempts to renew so far. The version would not do: an attempt that did
    // not commit and the next one, which started later, may have the same.
    std::uint32_t beat = 0;
    std::string host_name;
    std::string command;

    std::uint32_t epoch() const { return static_cast<std::uint32_t>(opened); }
    // Whether this session came after that one, in the same slot.
    bool follows(std::uint32_t epoch) const { return this->epoch() - epoch - 1 < 0x7fff'ffff; }
    // Whether the lease of an earlier session of this slot may still run.
    bool leaves_unclean(std::uint32_t epoch) const;
    bool is_of_boot(const Uuid& boot) const;  // by the first half: all that every record tells
    bool operator==(const SessionRecord&) const = default;
};

// Cuts the command, then the host name, to what `capacity` bytes hold (at least 60).
Bytes encode(const SessionRecord& record, std::size_t capacity);
std::optional<SessionRecord> decode_session(ByteView value);

// As in: host db1, pid 4711 ("./backup.sh"). What is no plain text in it shows as a question mark.
std::string described(const SessionRecord& record);

// The name of the cell in which a slot keeps its session.
std::string session_name(std::uint16_t slot);

}  // namespace diskpaxos
