// LockRecord: what a lock's cell says: who holds it, who waits, and the value kept with it.
//
//   0 flags u8 (1 exclusive, 2 doubtful) · 1 holders u8 · 2 waiters u8 · 3 value length u8
//   4 token u64, the last one given
//   12 holders: { slot u16 · epoch u32 · token u32, its low bits }
//      waiters: { slot u8, the top bit: exclusive · epoch u8, its low bits } · value
#pragma once

#include <optional>
#include <vector>

#include "lock/session_record.hpp"

namespace diskpaxos {

enum class LockMode : std::uint8_t { shared, exclusive };

struct Holder {
    SessionRef session;
    std::uint64_t token = 0;  // of this holding: larger than that of any earlier one
    bool operator==(const Holder&) const = default;
};

// A place in the queue. It is no licence: who takes the lock names its session then.
struct Waiter {
    std::uint16_t slot = 0;
    std::uint8_t epoch = 0;  // enough to know one's own place again
    LockMode mode = LockMode::exclusive;
    bool is(const SessionRef& session) const {
        return slot == session.slot && epoch == static_cast<std::uint8_t>(session.epoch);
    }
    bool operator==(const Waiter&) const = default;
};

struct LockRecord {
    bool exclusive = false;  // the mode of the holders there are
    bool doubtful = false;   // an exclusive holder was evicted since the value was written
    std::uint64_t token = 0;
    std::vector<Holder> holders;
    std::vector<Waiter> waiters;
    Bytes value;

    bool operator==(const LockRecord&) const = default;
};

inline constexpr std::size_t max_lock_value = 32;  // bytes, as a DLM's lock value block

inline constexpr std::size_t lock_holder_size = 10;
inline constexpr std::size_t lock_waiter_size = 2;

std::size_t encoded_size(const LockRecord& record);
// Whether it may be encoded into so many bytes, with so many more holders and waiters. What others
// have written may be full.
bool fits_into(std::size_t capacity, const LockRecord& record, std::size_t more_holders = 0,
               std::size_t more_waiters = 0);
void encode(Bytes& out, const LockRecord& record);
// Of an empty value: a lock that nobody ever held.
std::optional<LockRecord> decode_lock(ByteView value);

}  // namespace diskpaxos
