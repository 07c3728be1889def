// Platter: the bytes of one disk, and what ails the disk as a whole. Faults are done to the bytes
// themselves; the platter remembers only what a checker must know about them.
#pragma once

#include <cstdint>
#include <vector>

#include "async/clock.hpp"
#include "async/random.hpp"
#include "disk/geometry.hpp"
#include "disk/superblock.hpp"
#include "register/row.hpp"

namespace diskpaxos::sim {

inline constexpr std::size_t sector = 512;

class Platter {
  public:
    Platter(std::size_t number, const Geometry& geometry);

    std::size_t number() const { return number_; }
    const Geometry& geometry() const { return geometry_; }
    RowAddress row(std::uint32_t cell) const;
    // Belongs to a group from now on; before, to the one group there is in the world.
    void join(const Uuid& group, std::uint64_t tag) { group_ = group, tag_ = tag; }
    bool is_cell_block(std::uint64_t block) const;
    std::uint32_t cell_of(std::uint64_t block) const;
    Place place_of(std::uint64_t block) const;    // of a writer's block
    bool is_door(std::uint64_t block) const;
    bool damaged(std::uint64_t block) const;  // of a row: a door, or a writer's block
    Decoded decode(std::uint64_t block) const;

    ByteView block(std::uint64_t number) const { return view(bytes_, number); }
    ByteView previous(std::uint64_t number) const { return view(previous_, number); }
    ByteView superblock(std::uint64_t first) const {  // the area of one copy
        return ByteView(bytes_).subspan(first * geometry_.block_size, superblock_area);
    }

    // The sectors of `content` chosen by `sectors` (bit i: sector i) replace those of the block.
    void put(std::uint64_t block, ByteView content, std::uint64_t sectors = ~std::uint64_t{0});

    // Faults of the medium.
    void format();  // initial blocks everywhere: also what a blank replacement looks like
    void flip(std::uint64_t block, Random& random);
    void fill(Extent extent, bool with_zeroes, Random& random);
    const Bytes& image() const { return bytes_; }
    void restore(const Bytes& image) { bytes_ = previous_ = image; }
    void exchange(Platter& other) { bytes_.swap(other.bytes_), previous_.swap(other.previous_); }

    // Faults of the drive around it.
    Instant silent_until{};  // it answers nothing before
    Instant gone_until{};    // everything fails before
    bool harmed = false;     // it has lost or rolled back what it had acknowledged as durable

  private:
    ByteView view(const Bytes& bytes, std::uint64_t number) const {
        return ByteView(bytes).subspan(number * geometry_.block_size, geometry_.block_size);
    }
    ByteSpan at(std::uint64_t number) {
        return ByteSpan(bytes_).subspan(number * geometry_.block_size, geometry_.block_size);
    }

    std::size_t number_;
    Uuid group_;
    std::uint64_t tag_;
    Geometry geometry_;
    Bytes bytes_;
    Bytes previous_;  // of every block, what stood there before the last write: for stale reads
};

}  // namespace diskpaxos::sim
