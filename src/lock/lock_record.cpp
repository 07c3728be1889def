#include "lock/lock_record.hpp"

#include <algorithm>

#include "disk/geometry.hpp"

namespace diskpaxos {

namespace {

constexpr std::size_t header = 12;
constexpr std::size_t most_of_each = 255;  // holders, and waiters: their numbers are bytes
constexpr unsigned exclusive_bit = 0x80;
static_assert(max_slots <= exclusive_bit);

// The largest token not above `last` that has these low bits.
std::uint64_t widen(std::uint32_t low, std::uint64_t last) {
    const std::uint64_t high = last & ~std::uint64_t{0xffff'ffff};
    const std::uint64_t token = high | low;
    return token <= last ? token : token - (std::uint64_t{1} << 32);
}

}  // namespace

std::size_t encoded_size(const LockRecord& record) {
    return header + record.holders.size() * lock_holder_size + record.waiters.size() * lock_waiter_size +
           record.value.size();
}

bool fits_into(std::size_t capacity, const LockRecord& record, std::size_t more_holders,
               std::size_t more_waiters) {
    const std::size_t more = more_holders * lock_holder_size + more_waiters * lock_waiter_size;
    return record.holders.size() + more_holders <= most_of_each &&
           record.waiters.size() + more_waiters <= most_of_each &&
           encoded_size(record) + more <= capacity;
}

void encode(Bytes& out, const LockRecord& record) {
    CHECK(record.holders.size() <= most_of_each && record.waiters.size() <= most_of_each &&
          record.value.size() <= max_lock_value);
    out.assign(encoded_size(record), std::byte{0});
    const unsigned flags = (record.exclusive ? 1U : 0U) | (record.doubtful ? 2U : 0U);
    store(out, 0, static_cast<std::uint8_t>(flags));
    store(out, 1, static_cast<std::uint8_t>(record.holders.size()));
    store(out, 2, static_cast<std::uint8_t>(record.waiters.size()));
    store(out, 3, static_cast<std::uint8_t>(record.value.size()));
    store(out, 4, record.token);
    std::size_t at = header;
    for (const Holder& holder : record.holders) {
        store(out, at, holder.session.slot);
        store(out, at + 2, holder.session.epoch);
        store(out, at + 6, static_cast<std::uint32_t>(holder.token));
        at += lock_holder_size;
    }
    for (const Waiter& waiter : record.waiters) {
        const bool exclusive = waiter.mode == LockMode::exclusive;
        store(out, at, static_cast<std::uint8_t>(waiter.slot | (exclusive ? exclusive_bit : 0)));
        store(out, at + 1, waiter.epoch);
        at += lock_waiter_size;
    }
    std::ranges::copy(record.value, out.begin() + static_cast<std::ptrdiff_t>(at));
}

std::optional<LockRecord> decode_lock(ByteView value) {
    if (value.empty()) return LockRecord();
    if (value.size() < header) return std::nullopt;
    const std::size_t holders = load<std::uint8_t>(value, 1);
    const std::size_t waiters = load<std::uint8_t>(value, 2);
    const std::size_t length = load<std::uint8_t>(value, 3);
    const std::size_t size = header + holders * lock_holder_size + waiters * lock_waiter_size + length;
    if (value.size() != size || length > max_lock_value) return std::nullopt;
    LockRecord record;
    record.exclusive = (load<std::uint8_t>(value, 0) & 1) != 0;
    record.doubtful = (load<std::uint8_t>(value, 0) & 2) != 0;
    record.token = load<std::uint64_t>(value, 4);
    if (record.exclusive && holders > 1) return std::nullopt;
    std::size_t at = header;
    for (std::size_t i = 0; i < holders; ++i, at += lock_holder_size) {
        const SessionRef session{load<std::uint16_t>(value, at), load<std::uint32_t>(value, at + 2)};
        const std::uint64_t token = widen(load<std::uint32_t>(value, at + 6), record.token);
        if (token == 0 || token > record.token) return std::nullopt;
        record.holders.push_back({session, token});
    }
    for (std::size_t i = 0; i < waiters; ++i, at += lock_waiter_size) {
        const unsigned slot = load<std::uint8_t>(value, at);
        const bool exclusive = (slot & exclusive_bit) != 0;
        record.waiters.push_back({static_cast<std::uint16_t>(slot & ~exclusive_bit),
                                  load<std::uint8_t>(value, at + 1),
                                  exclusive ? LockMode::exclusive : LockMode::shared});
    }
    record.value.assign(value.begin() + static_cast<std::ptrdiff_t>(at), value.end());
    return record;
}

}  // namespace diskpaxos
