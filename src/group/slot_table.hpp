// The slot table: which host may use which slot. Pure: how the copies on the disks agree.
#pragma once

#include <vector>

#include "disk/slot_entry.hpp"
#include "disk/superblock.hpp"
#include "quorum/rule.hpp"

namespace diskpaxos {

// One disk's copy. Entries are unknown (Damage) where the block is.
struct TableCopy {
    bool read = false;
    std::vector<std::expected<SlotEntry, Damage>> claims;
    std::vector<std::expected<SlotEntry, Damage>> owners;
};

// What a quorum of the copies says of one slot.
struct SlotView {
    bool known = false;  // enough copies are readable; otherwise nothing may be concluded
    SlotEntry owner;     // of the highest turn; if two claims share it, the slot is not known
    bool claimable = false;  // on enough disks the claim block is free as well
    bool held_by(const Uuid& host) const {
        return known && owner.state == SlotState::taken && owner.host == host;
    }
};

BlockAddress slot_address(const Superblock& group, std::size_t disk, BlockKind kind,
                          std::uint32_t slot);
TableCopy decode_slot_table(ByteView table, const Superblock& group, std::size_t disk);
SlotView agree(const std::vector<TableCopy>& copies, const QuorumRule& rule, std::uint32_t slot);

}  // namespace diskpaxos
