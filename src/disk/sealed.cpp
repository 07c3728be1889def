#include "disk/sealed.hpp"

#include <algorithm>

#include "base/crc32c.hpp"

namespace diskpaxos {

namespace {

constexpr std::size_t crc_offset = 124;

// Over the whole block, the field of the checksum itself taken as zero.
std::uint32_t checksum(ByteView block) {
    constexpr std::array<std::byte, 4> zero{};
    std::uint32_t crc = crc32c(block.first(crc_offset));
    crc = crc32c(zero, crc);
    return crc32c(block.subspan(crc_offset + 4), crc);
}

bool all_zero(ByteView block) {
    return std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

const char* describe(Damage damage) {
    switch (damage) {
        case Damage::none: return "sound";
        case Damage::blank: return "blank";
        case Damage::checksum: return "checksum";
        case Damage::foreign: return "of another group or disk";
        case Damage::misplaced: return "misplaced";
        case Damage::newer: return "of a newer format";
        case Damage::no_room: return "a rank that leaves no room above it";
        case Damage::retired: return "of a group that was formatted over";
    }
    UNREACHABLE();
}

void seal(ByteSpan block, const BlockAddress& address, std::uint8_t flags, std::size_t length) {
    CHECK(header_size + length <= block.size());
    store<std::uint32_t>(block, 0, block_magic);
    store<std::uint8_t>(block, 4, static_cast<std::uint8_t>(address.kind));
    store<std::uint8_t>(block, 5, flags);
    store<std::uint16_t>(block, 6, static_cast<std::uint16_t>(length));
    std::ranges::copy(address.group, block.begin() + 8);
    store<std::uint64_t>(block, 24, address.disk);
    store<std::uint32_t>(block, 32, address.cell);
    store<std::uint16_t>(block, 36, address.slot);
    store<std::uint8_t>(block, 38, address.ring);
    store<std::uint8_t>(block, 39, 0);
    std::ranges::fill(block.subspan(104, 20), std::byte{0});
    store<std::uint32_t>(block, crc_offset, 0);
    store<std::uint32_t>(block, crc_offset, checksum(block));
}

Damage inspect_checksum(ByteView block) {
    if (load<std::uint32_t>(block, 0) != block_magic) {
        return all_zero(block) ? Damage::blank : Damage::checksum;
    }
    if (load<std::uint32_t>(block, crc_offset) != checksum(block)) return Damage::checksum;
    if (header_size + load<std::uint16_t>(block, 6) > block.size()) return Damage::checksum;
    return Damage::none;
}

Damage inspect(ByteView block, const BlockAddress& expected) {
    if (const Damage damage = inspect_checksum(block); damage != Damage::none) return damage;
    const BlockAddress found = address_of(block);
    if (found.group != expected.group || found.disk != expected.disk) return Damage::foreign;
    return found == expected ? Damage::none : Damage::misplaced;
}

BlockAddress address_of(ByteView block) {
    BlockAddress address;
    std::ranges::copy(block.subspan(8, 16), address.group.begin());
    address.disk = load<std::uint64_t>(block, 24);
    address.kind = static_cast<BlockKind>(load<std::uint8_t>(block, 4));
    address.cell = load<std::uint32_t>(block, 32);
    address.slot = load<std::uint16_t>(block, 36);
    address.ring = load<std::uint8_t>(block, 38);
    return address;
}

bool names_another_group(ByteView block, const Uuid& group) {
    return load<std::uint32_t>(block, 0) == block_magic &&
           !std::ranges::equal(block.subspan(8, group.size()), group);
}

ByteView body_of(ByteView block) {
    return block.subspan(header_size, load<std::uint16_t>(block, 6));
}

}  // namespace diskpaxos
