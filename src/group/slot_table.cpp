#include "group/slot_table.hpp"

#include "base/crc32c.hpp"
#include "base/mutant.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_both{.read = true, .write = true};
}  // namespace

BlockAddress slot_address(const Superblock& group, std::size_t disk, BlockKind kind,
                          std::uint32_t slot) {
    return {.group = group.group,
            .disk = Superblock::tag(group.disks[disk]),
            .kind = kind,
            .cell = 0,
            .slot = static_cast<std::uint16_t>(slot),
            .ring = 0};
}

TableCopy decode_slot_table(ByteView table, const Superblock& group, std::size_t disk) {
    const std::size_t size = group.geometry.block_size;
    TableCopy copy;
    copy.read = true;
    for (std::uint32_t slot = 0; slot < group.geometry.slots; ++slot) {
        const ByteView claim = table.subspan(2 * slot * size, size);
        const ByteView owner = table.subspan((2 * slot + 1) * size, size);
        copy.claims.push_back(
            decode_slot_entry(claim, slot_address(group, disk, BlockKind::claim, slot)));
        copy.owners.push_back(
            decode_slot_entry(owner, slot_address(group, disk, BlockKind::owner, slot)));
        copy.claim_prints.push_back(crc32c(claim));
        copy.owner_prints.push_back(crc32c(owner));
    }
    return copy;
}

SlotView agree(const std::vector<TableCopy>& copies, const QuorumRule& rule, std::uint32_t slot) {
    SlotView view;
    DiskSet readable, unclaimed, showing;
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        if (!copies[disk].read || !copies[disk].owners[slot]) continue;
        const SlotEntry& entry = *copies[disk].owners[slot];
        if (entry.turn > view.owner.turn || readable.empty()) {
            view.owner = entry;
            view.disputed = false;
            showing = DiskSet();
        } else if (entry.turn == view.owner.turn && entry.stamp != view.owner.stamp) {
            view.disputed = view.disputed || entry.held() || view.owner.held();
        }
        if (entry.turn == view.owner.turn && entry.stamp == view.owner.stamp) showing.insert(disk);
        readable.insert(disk);
        const auto& claim = copies[disk].claims[slot];
        if (claim && !claim->held()) unclaimed.insert(disk);
    }
    view.known = rule.suffices(Purpose::read, readable) && !view.disputed;
    view.certain = view.known && rule.suffices(for_both, showing);
    if (mutated(Mutant::owner_by_top)) view.certain = view.known;
    const bool free = view.known && !view.owner.held();
    view.claimable = free && rule.suffices(for_both, unclaimed);
    const bool lent = view.owner.state == SlotState::taken &&
                      rule.suffices(for_both, lending(copies, slot, view.owner));
    view.barred = !view.disputed && !view.claimable && !lent;
    return view;
}

DiskSet lending(const std::vector<TableCopy>& copies, std::uint32_t slot, const SlotEntry& taken) {
    DiskSet disks;
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        const TableCopy& copy = copies[disk];
        if (!copy.read || !copy.owners[slot]) continue;
        const SlotEntry& owner = *copy.owners[slot];
        const bool same = owner.held() && owner.turn == taken.turn && owner.stamp == taken.stamp;
        const auto& claim = copy.claims[slot];
        bool open = claim && (!claim->held() || (claim->state == SlotState::taken &&
                                                 claim->stamp == owner.stamp));
        if (mutated(Mutant::own_stamp_bars_only)) {
            open = claim && (claim->state != SlotState::returning);
        }
        if (mutated(Mutant::owner_by_top)) open = true;
        if (same && open) disks.insert(disk);
    }
    return disks;
}

bool borrowable(DiskSet first, DiskSet second, const QuorumRule& rule) {
    DiskSet both;
    for (std::size_t disk = 0; disk < rule.disks(); ++disk) {
        if (first.contains(disk) && second.contains(disk)) both.insert(disk);
    }
    return rule.suffices(for_both, both);
}

}  // namespace diskpaxos
