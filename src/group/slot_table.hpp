// The slot table: which host may use which slot. Pure: how the copies on the disks agree. The rules
// R1 to R13 stand in docs/slots.md.
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
    std::vector<std::uint32_t> claim_prints;  // checksums of the whole blocks, damaged ones too
    std::vector<std::uint32_t> owner_prints;
};

// What a quorum of the copies says of one slot.
struct SlotView {
    bool known = false;  // enough copies are readable; otherwise nothing may be concluded
    SlotEntry owner;     // the top: of the highest turn
    bool certain = false;    // the top stands on a write majority (slots-R1)
    bool disputed = false;   // two entries share the highest turn, one of them held
    bool claimable = false;  // the top is free, and on enough disks the claim block is as well
    bool barred = false;     // stamps, damage or uncertainty keep everybody out until it is settled
    bool held_by(const Uuid& host) const {
        return known && certain && owner.state == SlotState::taken && owner.host == host;
    }
};

BlockAddress slot_address(const Superblock& group, std::size_t disk, BlockKind kind,
                          std::uint32_t slot);
TableCopy decode_slot_table(ByteView table, const Superblock& group, std::size_t disk);
SlotView agree(const std::vector<TableCopy>& copies, const QuorumRule& rule, std::uint32_t slot);

// R1, one of its two collects: the disks that show this entry, taken, over a claim block that is
// free or holds the stamp of that very taking.
DiskSet lending(const std::vector<TableCopy>& copies, std::uint32_t slot, const SlotEntry& taken);
// Both collects together: whether the disks that lend it in each are enough.
bool borrowable(DiskSet first, DiskSet second, const QuorumRule& rule);

}  // namespace diskpaxos
