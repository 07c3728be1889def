#include "unit/testbed/testbed.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace diskpaxos {

namespace {

DiskKinds kinds_of(std::size_t disks, DiskSet active) {
    if (active.empty()) return DiskKinds::passive;
    return active.size() == disks ? DiskKinds::active : DiskKinds::mixed;
}

}  // namespace

Testbed::Testbed(std::size_t disks, Geometry geometry, DiskSet active)
    : shape_(geometry),
      active_shape_(geometry),
      rule_(Threshold::majority(disks)),
      format_(geometry, kinds_of(disks, active)) {
    active_shape_.active = true;
    for (std::size_t number = 0; number < disks; ++number) {
        const Geometry& laid_out = active.contains(number) ? active_shape_ : shape_;
        disks_.push_back(std::make_unique<MemoryDisk>(queue, "disk " + std::to_string(number),
                                                      geometry.block_size, laid_out.blocks()));
        disks_.back()->is_active = active.contains(number);
        const Extent row = laid_out.row(0);
        for (std::uint32_t i = 0; i < row.count; ++i) {
            encode_unused(disk(number).at(row.first + i), address(number), i);
        }
    }
}

void Testbed::moods(std::string_view letters) {
    CHECK(letters.size() == disks_.size());
    for (std::size_t number = 0; number < disks_.size(); ++number) {
        disk(number).mood = static_cast<MemoryDisk::Mood>(letters[number]);
    }
}

std::unique_ptr<Register> Testbed::register_of(std::uint16_t slot, std::uint64_t nonce,
                                               std::uint8_t ring, unsigned rereads) {
    std::vector<std::unique_ptr<Visit>> visits;
    for (std::size_t number = 0; number < disks_.size(); ++number) {
        if (disk(number).active()) {
            visits.push_back(std::make_unique<ActiveVisit>(disk(number), address(number)));
            continue;
        }
        visits.push_back(std::make_unique<PassiveVisit>(disk(number), address(number),
                                                        place(slot, ring), rereads,
                                                        Quarantine{&clock, ghost}));
    }
    return std::make_unique<Register>(world, rule_, 0, Proposer::of(slot, nonce), patience,
                                      std::move(visits));
}

std::unique_ptr<Register> Testbed::recovered(std::uint16_t slot, std::uint64_t nonce,
                                             std::uint8_t ring) {
    auto reg = register_of(slot, nonce, ring);
    const LookOutcome outcome = run(reg->recover(soon()));
    CHECK(std::holds_alternative<Certainty>(outcome));
    return reg;
}

std::unique_ptr<Cell> Testbed::cell_of(std::uint16_t slot, std::uint64_t nonce) {
    return std::make_unique<Cell>(world, format_, register_of(slot, nonce), pace_);
}

RowAddress Testbed::address(std::size_t number) const {
    RowAddress address;
    address.group.fill(std::byte{0x47});
    address.disk = 0xd15c'0000 + number;
    address.geometry = &shape(number);
    return address;
}

ByteSpan Testbed::bytes(std::size_t number, Place place) {
    return disk(number).at(shape(number).block(0, here(number, place)));
}

Decoded Testbed::block(std::size_t number, Place place) {
    return decode_block(bytes(number, place), address(number).block(here(number, place)));
}

void Testbed::put(std::size_t number, Place place, const Block& block) {
    encode_block(bytes(number, place), address(number).block(here(number, place)), block);
}

void Testbed::promise(std::size_t number, Place place, Rank rank) {
    Block block = this->block(number, place).block;
    const Bytes value(block.value.begin(), block.value.end());  // it points into what is written
    block.incarnation = rank.proposer;
    ++block.seq;
    block.promised = rank;
    block.value = value;
    put(number, place, block);
}

std::vector<MemoryDisk::Counts> Testbed::take_counts() {
    std::vector<MemoryDisk::Counts> counts;
    for (auto& disk : disks_) counts.push_back(std::exchange(disk->counts, {}));
    return counts;
}

}  // namespace diskpaxos
