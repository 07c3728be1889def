// Testbed: a small formatted group of memory disks, and the registers and cells of its processes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/cell.hpp"
#include "register/active_visit.hpp"
#include "register/passive_visit.hpp"
#include "register/register.hpp"
#include "unit/testbed/memory_disk.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {

class Testbed : public TestWorld {
  public:
    static constexpr Geometry small{.block_size = 512, .slots = 4, .ring = 2, .cells = 2};
    static constexpr Duration patience = std::chrono::milliseconds(1);
    static constexpr Duration ghost = std::chrono::seconds(5);  // how long a failed write may land

    // `active`: which of the disks are; on those the register stands at every place.
    explicit Testbed(std::size_t disks = 3, Geometry shape = small, DiskSet active = {});

    MemoryDisk& disk(std::size_t number) { return *disks_[number]; }
    std::size_t size() const { return disks_.size(); }
    void moods(std::string_view letters);  // one letter per disk, see MemoryDisk::Mood
    void heal() {  // all disks work again, and what failed before cannot land any more
        moods(std::string(disks_.size(), 'o'));
        clock.advance(ghost);
    }
    Instant soon() { return clock.now() + std::chrono::seconds(1); }

    // A process: the user of a slot. Its proposer is of(slot, nonce).
    std::unique_ptr<Register> register_of(std::uint16_t slot, std::uint64_t nonce = 1,
                                          std::uint8_t ring = 0, unsigned rereads = 0);
    std::unique_ptr<Register> recovered(std::uint16_t slot, std::uint64_t nonce = 1,
                                        std::uint8_t ring = 0);
    std::unique_ptr<Cell> cell_of(std::uint16_t slot, std::uint64_t nonce = 1);

    // Block by block, behind everybody's back.
    Place place(std::uint16_t slot, std::uint8_t ring = 0) const { return slot * shape_.ring + ring; }
    RowAddress address(std::size_t number) const;
    ByteSpan bytes(std::size_t number, Place place);
    Decoded block(std::size_t number, Place place);
    void put(std::size_t number, Place place, const Block& block);
    void promise(std::size_t number, Place place, Rank rank);  // raises the promise of a block
    void spoil(std::size_t number, Place place) { bytes(number, place)[200] ^= std::byte{1}; }

    // What all disks were asked since the last call.
    std::vector<MemoryDisk::Counts> take_counts();

    const RecordFormat& format() const { return format_; }

  private:
    const Geometry& shape(std::size_t number) const {
        return disks_[number]->active() ? active_shape_ : shape_;
    }
    Place here(std::size_t number, Place place) const {
        return disks_[number]->active() ? 0 : place;
    }

    Geometry shape_;
    Geometry active_shape_;
    Threshold rule_;
    RecordFormat format_;
    Pace pace_{std::chrono::milliseconds(1)};
    std::vector<std::unique_ptr<MemoryDisk>> disks_;
};

// The change that sets a cell to a text, whatever it was.
inline ChangeFn set_to(std::string_view text) {
    return [text](const CellView&, Draft& draft) {
        draft.state = CellState::set;
        const ByteView bytes = as_bytes(text);
        draft.value.assign(bytes.begin(), bytes.end());
        return Verdict::write;
    };
}

}  // namespace diskpaxos
