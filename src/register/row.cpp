#include "register/row.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

RowSummary summarise(ByteView row, const RowAddress& address, Place own, Proposer aside) {
    const std::size_t size = address.geometry->block_size;
    const Place places = address.geometry->row_blocks();
    CHECK(row.size() == places * size);
    RowSummary sum;
    Rank chosen_by;  // the rank that chose the value: accepted, but for one mutant
    for (Place place = 0; place < places; ++place) {
        const bool ours = own != no_place && place / address.geometry->ring == own / address.geometry->ring;
        if (mutated(Mutant::old_block_ignored) && ours && place != own) continue;
        const Decoded decoded = decode_block(row.subspan(place * size, size), address.block(place));
        if (place == own) sum.own = decoded;
        if (decoded.state == BlockState::initial) continue;
        if (decoded.state == BlockState::unknown) {
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
        sum.promised = summarise(row, address, own, sum.accepted.proposer).promised;
    }
    return sum;
}

}  // namespace diskpaxos
