#include "group/slot_table.hpp"

namespace diskpaxos {

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
        const std::size_t at = 2 * slot * size;
        copy.claims.push_back(decode_slot_entry(
            table.subspan(at, size), slot_address(group, disk, BlockKind::claim, slot)));
        copy.owners.push_back(decode_slot_entry(
            table.subspan(at + size, size), slot_address(group, disk, BlockKind::owner, slot)));
    }
    return copy;
}

SlotView agree(const std::vector<TableCopy>& copies, const QuorumRule& rule, std::uint32_t slot) {
    SlotView view;
    DiskSet readable, unclaimed;
    bool disputed = false;  // two hosts wrote themselves in at one turn: timing was broken
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        if (!copies[disk].read || !copies[disk].owners[slot]) continue;
        const SlotEntry& entry = *copies[disk].owners[slot];
        if (entry.turn > view.owner.turn || readable.empty()) {
            view.owner = entry;
            disputed = false;
        } else if (entry.turn == view.owner.turn && entry.stamp != view.owner.stamp) {
            disputed = true;
        }
        readable.insert(disk);
        const auto& claim = copies[disk].claims[slot];
        if (claim && !claim->held()) unclaimed.insert(disk);
    }
    view.known = rule.suffices(Purpose::read, readable) && !disputed;
    view.claimable = view.known && !view.owner.held() &&
                     rule.suffices(Purposes{.read = true, .write = true}, unclaimed);
    return view;
}

}  // namespace diskpaxos
