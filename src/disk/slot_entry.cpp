#include "disk/slot_entry.hpp"

#include <algorithm>

namespace diskpaxos {

namespace {
constexpr std::size_t body_size = 128;

bool known(std::uint8_t state, BlockKind kind) {
    const bool returning = state == static_cast<std::uint8_t>(SlotState::returning);
    return state <= static_cast<std::uint8_t>(SlotState::borrowed) ||
           (returning && kind == BlockKind::claim);
}
}  // namespace

void encode_slot_entry(ByteSpan out, const BlockAddress& address, const SlotEntry& entry) {
    std::ranges::fill(out, std::byte{0});
    const ByteSpan body = out.subspan(header_size, body_size);
    store<std::uint8_t>(body, 0, static_cast<std::uint8_t>(entry.state));
    store<std::uint64_t>(body, 8, entry.turn);
    store<std::uint64_t>(body, 16, entry.stamp);
    store<std::uint64_t>(body, 24, entry.since_ms);
    std::ranges::copy(entry.host, body.begin() + 32);
    std::ranges::copy(entry.boot, body.begin() + 48);
    const std::string_view name = std::string_view(entry.host_name).substr(0, max_host_name);
    store<std::uint8_t>(body, 64, static_cast<std::uint8_t>(name.size()));
    std::ranges::copy(as_bytes(name), body.begin() + 65);
    seal(out, address, 0, body_size);
}

std::expected<SlotEntry, Damage> decode_slot_entry(ByteView block, const BlockAddress& expected) {
    if (const Damage damage = inspect(block, expected); damage != Damage::none) {
        return std::unexpected(damage);
    }
    const ByteView body = body_of(block);
    if (body.size() != body_size || !known(load<std::uint8_t>(body, 0), expected.kind) ||
        load<std::uint8_t>(body, 64) > max_host_name) {
        return std::unexpected(Damage::checksum);
    }
    SlotEntry entry;
    entry.state = static_cast<SlotState>(load<std::uint8_t>(body, 0));
    entry.turn = load<std::uint64_t>(body, 8);
    entry.stamp = load<std::uint64_t>(body, 16);
    entry.since_ms = load<std::uint64_t>(body, 24);
    std::ranges::copy(body.subspan(32, 16), entry.host.begin());
    std::ranges::copy(body.subspan(48, 16), entry.boot.begin());
    entry.host_name = as_text(body.subspan(65, load<std::uint8_t>(body, 64)));
    return entry;
}

}  // namespace diskpaxos
