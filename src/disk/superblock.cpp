#include "disk/superblock.hpp"

#include <algorithm>
#include <bit>

#include "disk/retired_mark.hpp"

namespace diskpaxos {

namespace {

constexpr std::size_t name_at = 72;
constexpr std::size_t disks_at = 136;
constexpr std::size_t uuid_size = 16;
static_assert(header_size + disks_at + max_disks * uuid_size + 8 <= 512);
constexpr std::size_t host_at = disks_at + 12;  // of a retired one
constexpr std::size_t retired_size = host_at + 1 + max_group_name;
constexpr std::size_t mark_at = retired_size;  // it may be missing: older programs write none
constexpr std::size_t marked_size = mark_at + uuid_size;
static_assert(header_size + marked_size <= 512);

BlockAddress address(const Superblock& superblock, std::uint32_t copy) {
    return {.group = superblock.group,
            .disk = superblock.disk_tag(),
            .kind = BlockKind::superblock,
            .cell = copy,
            .slot = superblock.index,
            .ring = 0};
}

constexpr std::uint32_t worded = incompatible_active | incompatible_tiers;  // each has one word
constexpr std::uint32_t known = worded | incompatible_retired | incompatible_roomy;

constexpr std::uint16_t minor_of_retired = 3;

std::uint32_t features_of(const Superblock& s) {
    return (s.active != 0 ? incompatible_active : 0) |
           (s.geometry.tier != 0 ? incompatible_tiers : 0) |
           (s.geometry.roomy ? incompatible_roomy : 0);
}

Uuid load_uuid(ByteView from, std::size_t offset) {
    Uuid uuid;
    std::ranges::copy(from.subspan(offset, uuid_size), uuid.begin());
    return uuid;
}

std::string load_text(ByteView body, std::size_t at) {
    const std::size_t length = std::min<std::size_t>(load<std::uint8_t>(body, at), max_group_name);
    return std::string(as_text(body.subspan(at + 1, length)));
}

bool sane(const Superblock& s) {
    return s.geometry.objection() == nullptr && !s.disks.empty() && s.disks.size() <= max_disks &&
           s.index < s.disks.size() && s.ttl_ms > 0 && s.active >> s.disks.size() == 0;
}

// What all superblocks have in common, retired ones too.
Superblock parse_fields(ByteView block) {
    const ByteView body = body_of(block);
    Superblock s;
    s.group = address_of(block).group;
    s.index = load<std::uint16_t>(body, 32);
    s.geometry = {.block_size = load<std::uint32_t>(body, 36),
                  .slots = load<std::uint32_t>(body, 40),
                  .ring = load<std::uint32_t>(body, 44),
                  .cells = load<std::uint32_t>(body, 48)};
    s.ttl_ms = load<std::uint32_t>(body, 52);
    s.epoch = load<std::uint64_t>(body, 56);
    s.formatted_ms = load<std::uint64_t>(body, 64);
    s.name = load_text(body, name_at);
    return s;
}

Superblock parse(ByteView block) {
    const ByteView body = body_of(block);
    Superblock s = parse_fields(block);
    const std::size_t count = std::min<std::size_t>(load<std::uint16_t>(body, 34), max_disks);
    for (std::size_t i = 0; i < count; ++i) {
        s.disks.push_back(load_uuid(body, disks_at + i * uuid_size));
    }
    const std::uint32_t features = load<std::uint32_t>(body, 12);
    std::size_t at = disks_at + count * uuid_size;
    if ((features & incompatible_active) != 0) {
        s.active = load<std::uint32_t>(body, at);
        at += 4;
    }
    if ((features & incompatible_tiers) != 0) s.geometry.tier = load<std::uint32_t>(body, at);
    s.geometry.roomy = (features & incompatible_roomy) != 0;
    s.geometry.active = s.index < max_disks && s.is_active(s.index);  // nothing is sane yet
    return s;
}

// What all superblocks have in common, whatever follows the name.
void store_fields(ByteSpan body, const Superblock& s, std::uint16_t minor, std::uint32_t features) {
    store<std::uint16_t>(body, 0, format_major);
    store<std::uint16_t>(body, 2, minor);
    store<std::uint32_t>(body, 12, features);
    std::ranges::copy(s.disks[s.index], body.begin() + 16);
    store<std::uint16_t>(body, 32, s.index);
    store<std::uint16_t>(body, 34, static_cast<std::uint16_t>(s.disks.size()));
    store<std::uint32_t>(body, 36, s.geometry.block_size);
    store<std::uint32_t>(body, 40, s.geometry.slots);
    store<std::uint32_t>(body, 44, s.geometry.ring);
    store<std::uint32_t>(body, 48, s.geometry.cells);
    store<std::uint32_t>(body, 52, s.ttl_ms);
    store<std::uint64_t>(body, 56, s.epoch);
    store<std::uint64_t>(body, 64, s.formatted_ms);
    store<std::uint8_t>(body, name_at, static_cast<std::uint8_t>(s.name.size()));
    std::ranges::copy(as_bytes(s.name), body.begin() + name_at + 1);
}

// The block at the front of an area that passes for a superblock. Its size stands in itself: both
// are tried.
std::expected<ByteView, Damage> superblock_in(ByteView area) {
    CHECK(area.size() >= superblock_area);
    ByteView block = area.first(512);
    Damage damage = inspect_checksum(block);
    if (damage == Damage::checksum) {
        block = area.first(4096);
        damage = inspect_checksum(block);
    }
    if (damage != Damage::none) return std::unexpected(damage);
    const ByteView body = body_of(block);
    if (address_of(block).kind != BlockKind::superblock || body.size() < disks_at) {
        return std::unexpected(Damage::misplaced);
    }
    return block;
}

}  // namespace

Geometry Superblock::geometry_of(std::size_t disk) const {
    Geometry result = geometry;
    result.active = is_active(disk);
    return result;
}

// 1.1 has active disks, 1.2 doors, 1.4 lineages that take what room there is.
std::uint16_t Superblock::minor() const {
    if (geometry.roomy) return 4;
    if (geometry.tier != 0) return 2;
    return active != 0 ? 1 : 0;
}

bool Superblock::same_group(const Superblock& other) const {
    return group == other.group && disks == other.disks && active == other.active &&
           geometry_of(0) == other.geometry_of(0) && ttl_ms == other.ttl_ms && epoch == other.epoch;
}

void encode_superblock(ByteSpan out, const Superblock& s, std::uint32_t copy) {
    CHECK(sane(s) && s.name.size() <= max_group_name && out.size() == s.geometry.block_size);
    std::ranges::fill(out, std::byte{0});
    const std::size_t active_at = disks_at + s.disks.size() * uuid_size;
    const std::size_t tier_at = active_at + (s.active != 0 ? 4 : 0);
    const std::size_t length = tier_at + (s.geometry.tier != 0 ? 4 : 0);
    const ByteSpan body = out.subspan(header_size, length);
    store_fields(body, s, s.minor(), features_of(s));
    for (std::size_t i = 0; i < s.disks.size(); ++i) {
        std::ranges::copy(s.disks[i], body.subspan(disks_at + i * uuid_size).begin());
    }
    if (s.active != 0) store<std::uint32_t>(body, active_at, s.active);
    if (s.geometry.tier != 0) store<std::uint32_t>(body, tier_at, s.geometry.tier);
    seal(out, address(s, copy), 0, length);
}

std::expected<Superblock, Damage> decode_superblock(ByteView area, std::uint32_t copy) {
    const auto found = superblock_in(area);
    if (!found) return std::unexpected(found.error());
    const ByteView block = *found;
    const ByteView body = body_of(block);
    const bool newer = load<std::uint16_t>(body, 0) > format_major ||
                       load<std::uint32_t>(body, 8) != 0 ||
                       (load<std::uint32_t>(body, 12) & ~known) != 0;
    if (newer) return std::unexpected(Damage::newer);
    if ((load<std::uint32_t>(body, 12) & incompatible_retired) != 0) {
        return std::unexpected(Damage::retired);
    }
    const std::uint32_t features = load<std::uint32_t>(body, 12);
    const auto words = static_cast<std::size_t>(std::popcount(features & worded));
    if (body.size() < disks_at + load<std::uint16_t>(body, 34) * uuid_size + 4 * words) {
        return std::unexpected(Damage::checksum);
    }
    const Superblock s = parse(block);
    if (!sane(s) || s.geometry.block_size != block.size()) return std::unexpected(Damage::checksum);
    if (address_of(block) != address(s, copy)) return std::unexpected(Damage::misplaced);
    return s;
}

void encode_retired(ByteSpan out, const Superblock& s, const Retired& retired, std::uint32_t copy) {
    CHECK(sane(s) && s.name.size() <= max_group_name && out.size() >= s.geometry.block_size);
    std::ranges::fill(out, std::byte{0});
    const ByteSpan block = out.first(s.geometry.block_size);
    const ByteSpan body = block.subspan(header_size, retired_size);
    store_fields(body, s, minor_of_retired, incompatible_retired);
    store<std::uint32_t>(body, 4, features_of(s) & incompatible_roomy);
    store<std::uint64_t>(body, disks_at, retired.at_ms);
    store<std::uint32_t>(body, disks_at + 8, retired.wait_ms);
    const std::string_view host = std::string_view(retired.host_name).substr(0, max_group_name);
    store<std::uint8_t>(body, host_at, static_cast<std::uint8_t>(host.size()));
    std::ranges::copy(as_bytes(host), body.begin() + host_at + 1);
    seal(block, address(s, copy), 0, retired_size);
}

std::optional<Retired> decode_retired(ByteView area, std::uint32_t copy) {
    const auto block = superblock_in(area);
    if (!block) return std::nullopt;
    const ByteView body = body_of(*block);
    const bool fits = body.size() >= retired_size && address_of(*block).cell == copy &&
                      load<std::uint16_t>(body, 0) == format_major &&
                      load<std::uint32_t>(body, 12) == incompatible_retired;
    if (!fits) return std::nullopt;
    Retired retired;
    retired.group = address_of(*block).group;
    retired.disk = load_uuid(body, 16);
    retired.name = load_text(body, name_at);
    retired.at_ms = load<std::uint64_t>(body, disks_at);
    retired.wait_ms = load<std::uint32_t>(body, disks_at + 8);
    retired.host_name = load_text(body, host_at);
    retired.first = body.size() >= marked_size && load_uuid(body, mark_at) == retired.group;
    return retired;
}

std::optional<Superblock> superblock_before(ByteView area, std::uint32_t copy) {
    const std::optional<Retired> retired = decode_retired(area, copy);
    if (!retired) return std::nullopt;
    const ByteView block = *superblock_in(area);
    Superblock s = parse_fields(block);
    s.disks.resize(std::min<std::size_t>(load<std::uint16_t>(body_of(block), 34), max_disks));
    if (s.index >= s.disks.size()) return std::nullopt;
    s.disks[s.index] = retired->disk;
    s.geometry.tier = first_tier(s.geometry.slots);
    s.geometry.roomy = (load<std::uint32_t>(body_of(block), 4) & incompatible_roomy) != 0;
    if (!sane(s)) return std::nullopt;
    return s;
}

bool mark_retired(ByteSpan area, std::uint32_t copy, const Uuid& successor) {
    if (!decode_retired(area, copy)) return false;
    const ByteSpan block = area.first(superblock_in(area)->size());
    std::ranges::copy(successor, block.begin() + header_size + mark_at);
    seal(block, address_of(block), flags_of(block), marked_size);
    return true;
}

std::optional<Uuid> mark_of_retired(ByteView area, std::uint32_t copy) {
    if (!decode_retired(area, copy)) return std::nullopt;
    const ByteView body = body_of(*superblock_in(area));
    return body.size() < marked_size ? Uuid{} : load_uuid(body, mark_at);
}

}  // namespace diskpaxos
