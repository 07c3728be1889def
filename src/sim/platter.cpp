#include "sim/platter.hpp"

#include <algorithm>

namespace diskpaxos::sim {

namespace {

constexpr Uuid group_uuid{std::byte{0x51}, std::byte{0x4d}};  // one world, one group

auto slice(std::size_t index) { return static_cast<std::ptrdiff_t>(index * sector); }

}  // namespace

Platter::Platter(std::size_t number, const Geometry& geometry)
    : number_(number),
      group_(group_uuid),
      tag_(number + 1),
      geometry_(geometry),
      bytes_(geometry.bytes()),
      previous_(geometry.bytes()) {
    format();
}

RowAddress Platter::row(std::uint32_t cell) const {
    return {group_, tag_, cell, &geometry_};
}

bool Platter::is_cell_block(std::uint64_t block) const {
    const std::uint64_t begin = geometry_.cells_begin();
    return block >= begin &&
           block < begin + std::uint64_t{geometry_.cells} * geometry_.row_blocks();
}

std::uint32_t Platter::cell_of(std::uint64_t block) const {
    return static_cast<std::uint32_t>((block - geometry_.cells_begin()) / geometry_.row_blocks());
}

Place Platter::place_of(std::uint64_t block) const {
    CHECK(!is_door(block));
    return static_cast<Place>(block - geometry_.block(cell_of(block), 0));
}

bool Platter::is_door(std::uint64_t block) const {
    const std::uint64_t in_row = (block - geometry_.cells_begin()) % geometry_.row_blocks();
    return is_cell_block(block) && in_row < geometry_.doors();
}

Decoded Platter::decode(std::uint64_t number) const {
    return decode_block(block(number), row(cell_of(number)).block(place_of(number)));
}

bool Platter::damaged(std::uint64_t number) const {
    if (!is_door(number)) return decode(number).state == BlockState::unknown;
    const std::uint32_t cell = cell_of(number);
    const auto tier = static_cast<std::uint32_t>(number - geometry_.door(cell, 1)) + 1;
    return decode_door(block(number), row(cell).door(tier)) == DoorState::unknown;
}

void Platter::put(std::uint64_t number, ByteView content, std::uint64_t sectors) {
    CHECK(content.size() == geometry_.block_size);
    const ByteSpan target = at(number);
    std::ranges::copy(target, previous_.begin() +
                                  static_cast<std::ptrdiff_t>(number * geometry_.block_size));
    for (std::size_t i = 0; i < content.size() / sector; ++i) {
        if ((sectors >> i & 1U) == 0) continue;
        std::ranges::copy(content.subspan(i * sector, sector), target.begin() + slice(i));
    }
}

void Platter::format() {
    for (std::uint32_t cell = 0; cell < geometry_.cells; ++cell) {
        const RowAddress address = row(cell);
        const Extent blocks = geometry_.row(cell);
        for (std::uint32_t i = 0; i < blocks.count; ++i) {
            encode_unused(at(blocks.first + i), address, i);
        }
    }
    previous_ = bytes_;
}

void Platter::flip(std::uint64_t number, Random& random) {
    const ByteSpan target = at(number);
    for (std::uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
        target[random.below(target.size())] ^= std::byte{1} << random.below(8);
    }
}

void Platter::fill(Extent extent, bool with_zeroes, Random& random) {
    const std::size_t size = geometry_.block_size;
    const ByteSpan target = ByteSpan(bytes_).subspan(extent.first * size, extent.count * size);
    for (std::byte& byte : target) {
        byte = with_zeroes ? std::byte{0} : static_cast<std::byte>(random.below(256));
    }
}

}  // namespace diskpaxos::sim
