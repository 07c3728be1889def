#include "register/row.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

void encode_unused(ByteSpan out, const RowAddress& address, std::uint32_t offset) {
    const std::uint32_t doors = address.geometry->doors();
    if (offset < doors) {
        encode_door(out, address.door(offset + 1), DoorState::closed);
    } else {
        encode_initial(out, address.block(offset - doors));
    }
}

RowSummary summarise(ByteView whole, const RowAddress& address, Place own, Proposer aside) {
    const std::size_t size = address.geometry->block_size;
    ByteView row = whole;
    const std::uint32_t doors = address.geometry->doors();
    CHECK(row.size() >= (doors + 1) * size && row.size() <= address.geometry->row_blocks() * size);
    RowSummary sum;
    for (std::uint32_t tier = 1; tier <= doors; ++tier) {
        const ByteView door = row.subspan((tier - 1) * size, size);
        const DoorState state = decode_door(door, address.door(tier));
        const bool shut = state == DoorState::unknown && mutated(Mutant::door_damage_closed);
        if (state == DoorState::closed || shut) sum.closed |= 1U << tier;
        if (state == DoorState::open) sum.open |= 1U << tier;
    }
    row = row.subspan(doors * size);
    const auto places = static_cast<Place>(row.size() / size);
    Rank chosen_by;  // the rank that chose the value: accepted, but for one mutant
    for (Place place = 0; place < places; ++place) {
        const bool ours = own != no_place && place / address.geometry->ring == own / address.geometry->ring;
        if (mutated(Mutant::old_block_ignored) && ours && place != own) continue;
        const Decoded decoded = decode_block(row.subspan(place * size, size), address.block(place));
        if (place == own) sum.own = decoded;
        if (decoded.state == BlockState::initial) continue;
        if (decoded.state == BlockState::unknown) {
            const ByteView block = row.subspan(place * size, size);
            sum.stranger = sum.stranger || names_another_group(block, address.group);
            if (mutated(Mutant::unknown_as_initial)) continue;
            if (sum.whole()) {
                sum.damage = decoded.damage;
                sum.damaged = place;
            }
            continue;
        }
        const Block& block = decoded.block;
        sum.highest = std::max(sum.highest, block.promised);
        if (block.incarnation != aside) sum.promised = std::max(sum.promised, block.promised);
        sum.committed = std::max(sum.committed, block.committed);
        const Rank chooser =
            mutated(Mutant::highest_promised) ? block.promised : block.accepted;  // 2l
        if (!block.accepted.none() && chooser > chosen_by) {
            chosen_by = chooser;
            sum.accepted = block.accepted;
            sum.value = block.value;
        }
    }
    if (mutated(Mutant::read_single_collect) && aside == nobody && !sum.accepted.none()) {
        sum.promised = summarise(whole, address, own, sum.accepted.proposer).promised;
    }
    return sum;
}

std::uint32_t reach_of(const RowSummary& row, const Geometry& geometry) {
    if (mutated(Mutant::door_unheeded)) return 0;
    std::uint32_t tier = geometry.doors();
    while (tier > 0 && (row.closed >> tier & 1U) != 0) --tier;
    return tier;
}

}  // namespace diskpaxos
