#include "group/heal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/mutant.hpp"
#include "register/row.hpp"

namespace diskpaxos {

namespace {
constexpr Duration give_back_time = std::chrono::seconds(5);  // for slow disks, when healing is over
}

Healer::Healer(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks,
               Host host)
    : world_(world),
      roster_(roster),
      rule_(rule),
      locks_(locks),
      host_(std::move(host)),
      table_(world, roster, rule),
      claim_(world, roster, rule),
      rows_(world, roster),
      locked_(roster.common.geometry.slots),
      entitled_(roster.common.geometry.slots),
      scope_(world.queue) {}

Task<Result<HealReport>> Healer::run(Instant deadline) {
    if (!co_await table_.read(deadline)) {
        co_return std::unexpected(Error{Code::no_quorum, "the slot table cannot be read on a "
                                                         "majority of the disks; nothing was healed"});
    }
    const DiskSet claiming = lock(claim_lock);  // one process of a host at a time
    if (claiming.empty()) {
        co_return std::unexpected(Error{Code::busy, "another process of this host is claiming or "
                                                    "healing slots; run it again"});
    }
    sort_slots();
    co_await claim_free(deadline);
    co_await heal_slot_table();
    co_await heal_cells();
    // A write that failed may still happen: it must not meet the next user (algorithms.md 7.4, 7.5).
    co_await world_.clock.sleep_until(hold_until_);
    const Instant patience = std::max(deadline, world_.clock.now() + give_back_time);
    if (!co_await claim_.release(patience)) {
        // Something of ours may still land. Only the end of this process lets go of the locks: the
        // kernel keeps them until its last write has (the OFD rule).
        report_.unfinished = true;
        report_.left.push_back("some disk does not answer: slots that were borrowed for healing "
                               "stay so until it is run again");
        co_return std::move(report_);
    }
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        unlock(slot, locked_[slot]);
    }
    unlock(claim_lock, claiming);
    co_await heal_superblocks();
    co_return std::move(report_);
}

// Whose slot is whose, and which of ours nobody uses.
void Healer::sort_slots() {
    std::map<std::string, std::uint32_t> elsewhere;
    std::uint32_t in_use = 0;
    std::uint32_t partly = 0;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.known) continue;
        if (view.owner.held() && view.owner.host != host_.id) {
            ++elsewhere[view.owner.host_name];
            continue;
        }
        locked_[slot] = lock(slot);
        if (!locked_[slot].empty() && locked_[slot].size() < roster_.present()) ++partly;
        if (locked_[slot].empty()) {
            ++in_use;
        } else if (!view.owner.held()) {
            free_.push_back(slot);
        } else {
            entitled_[slot] = true;
        }
    }
    for (const auto& [name, count] : elsewhere) {
        report_.left.push_back(fmt::format(
            "{} slots belong to host {}: what is damaged of them is healed by \"diskpaxos check "
            "--repair\" there",
            count, name));
    }
    if (in_use > 0) {
        report_.left.push_back(fmt::format("{} slots are in use by processes of this host, which "
                                           "heal them as they go",
                                           in_use));
    }
    // The kernel lets go of a dead process's files one by one, after its last writes (the OFD rule).
    if (partly > 0) {
        report_.left.push_back(fmt::format(
            "{} slots are still in use on some of the disks; run it again", partly));
    }
    report_.not_now += in_use + partly;
}

// Free slots are ours while we hold them as borrowed; so are those that a dead healer of this host
// held. What one of an earlier boot had under way may still land, and is waited out.
Task<void> Healer::claim_free(Instant deadline) {
    bool earlier_boot = false;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotEntry owner = table_.view(slot).owner;
        if (!entitled_[slot] || owner.state != SlotState::borrowed) continue;
        earlier_boot |= owner.boot != host_.boot;
        claim_.resume(slot, owner);
    }
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    if (earlier_boot) co_await world_.clock.sleep(drain_time(ttl));
    if (free_.empty()) co_return;
    std::vector<std::uint64_t> outlived = co_await watch_stale_claims();
    if (!co_await claim_.read(deadline)) co_return;
    const auto won =
        co_await claim_.claim(free_, SlotState::borrowed, host_, deadline, std::move(outlived));
    for (const std::uint32_t slot : won) entitled_[slot] = true;
    if (won.size() == free_.size()) co_return;
    report_.not_now += free_.size() - won.size();
    report_.left.push_back(fmt::format("{} free slots could not be claimed for healing; run it again",
                                       free_.size() - won.size()));
}

// Claims that nobody followed up: stamps that stand unchanged under a free owner for the drain
// time. Their writers have given up, and whatever they had under way has landed.
Task<std::vector<std::uint64_t>> Healer::watch_stale_claims() {
    const std::vector<std::uint64_t> before = stale_claims();
    std::vector<std::uint64_t> outlived;
    if (before.empty()) co_return outlived;
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    co_await world_.clock.sleep(drain_time(ttl));
    if (!co_await table_.read(world_.clock.now() + give_back_time)) co_return outlived;
    for (const std::uint64_t stamp : stale_claims()) {
        if (std::ranges::count(before, stamp) > 0) outlived.push_back(stamp);
    }
    co_return outlived;
}

std::vector<std::uint64_t> Healer::stale_claims() const {
    std::vector<std::uint64_t> stamps;
    for (const std::uint32_t slot : free_) {
        for (const TableCopy& copy : table_.copies()) {
            const bool taken = copy.read && copy.claims[slot] && copy.claims[slot]->held();
            if (taken) stamps.push_back(copy.claims[slot]->stamp);
        }
    }
    return stamps;
}

// The disks on which the lock could be had: a majority, or none.
DiskSet Healer::lock(std::uint32_t slot) {
    DiskSet locked;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr) continue;
        const bool free = locks_.try_lock(*device, slot);
        if (free || mutated(Mutant::heal_live_slot)) locked.insert(disk);
    }
    if (rule_.suffices(Purposes{.read = true, .write = true}, locked)) {
        if (mutated(Mutant::heal_without_borrow)) unlock(slot, locked);  // it was free just now
        return locked;
    }
    unlock(slot, locked);
    return DiskSet();
}

void Healer::unlock(std::uint32_t slot, DiskSet disks) {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (disks.contains(disk)) locks_.unlock(*roster_.members[disk], slot);
    }
}

// Entries of taken slots do not change any more, so that what a majority says of them may be
// written. Those of free slots are rewritten by claiming and releasing them.
Task<void> Healer::heal_slot_table() {
    const Geometry& geometry = roster_.common.geometry;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const TableCopy& copy = table_.copies()[disk];
        if (roster_.members[disk] == nullptr || !copy.read) continue;
        for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
            const SlotView view = table_.view(slot);
            if (!view.known) continue;
            report_.slot_entries += (!copy.claims[slot] ? 1U : 0U) + (!copy.owners[slot] ? 1U : 0U);
            if (view.owner.state != SlotState::taken) continue;
            for (const BlockKind kind : {BlockKind::claim, BlockKind::owner}) {
                const bool sound = kind == BlockKind::claim ? copy.claims[slot].has_value()
                                                            : copy.owners[slot].has_value();
                if (sound) continue;
                const std::uint64_t at = kind == BlockKind::claim ? geometry.claim_block(slot)
                                                                  : geometry.owner_block(slot);
                IoPtr io = roster_.members[disk]->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
                encode_slot_entry(io->out.bytes(), slot_address(roster_.common, disk, kind, slot),
                                  view.owner);
                if (!co_await write(disk, std::move(io))) ++report_.failed;
            }
        }
    }
}

Task<void> Healer::heal_cells() {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t step = Rows::cells_at_once(geometry);
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (rows_.errors()[disk] != 0) continue;  // absent, or it hangs or errs: nothing to heal on
            for (std::uint32_t cell = first; cell < first + count; ++cell) {
                scope_.spawn(heal_row(cell, disk));
            }
        }
        if (mutated(Mutant::heal_returned_undrained)) {
            co_await scope_.idle().wait_until(world_.clock, world_.clock.now());
        } else {
            co_await scope_.idle().wait();
        }
    }
}

// Rewrites what is damaged or stale of one row on one disk. Neighbouring blocks go in one write:
// each is whole by itself, so a write that is torn between them has healed fewer, no worse.
Task<void> Healer::heal_row(std::uint32_t cell, std::size_t disk) {
    const Geometry& geometry = roster_.common.geometry;
    const std::size_t size = geometry.block_size;
    const RowAddress row{roster_.common.group, Superblock::tag(roster_.common.disks[disk]), cell,
                         &geometry};
    std::uint32_t begun = 0;
    IoPtr io;  // the run of blocks that is being collected, from place `begun`
    std::uint32_t in_run = 0;
    for (std::uint32_t place = 0; place <= geometry.row_blocks(); ++place) {
        std::optional<Merge> healed;
        if (place < geometry.row_blocks() && may_write(place / geometry.ring, disk)) {
            const std::vector<Decoded> copies = rows_.copies(cell, place);
            const CopyState state = compare(copies)[disk];
            if (state == CopyState::damaged) healed = heal(copies, disk, rule_);
            if (state == CopyState::stale) healed = merge(copies);
            if (state == CopyState::damaged && !healed) ++report_.unhealable;
        }
        if (healed) {
            if (io == nullptr) {
                begun = place;
                io = roster_.members[disk]->prepare(
                    Io::Kind::write, Extent{geometry.row(cell).first + place,
                                            geometry.row_blocks() - place}, Extent{});
            }
            const ByteSpan out = io->out.bytes().subspan((place - begun) * size, size);
            healed->initial ? encode_initial(out, row.block(place))
                            : encode_block(out, row.block(place), healed->block);
            ++in_run;
        } else if (io != nullptr) {
            io->to.count = in_run;
            io->out.resize(in_run * size);
            const bool written = co_await write(disk, std::move(io));
            (written ? report_.blocks : report_.failed) += in_run;
            in_run = 0;
        }
    }
}

// Last: until then nobody who starts takes the disk for sound.
Task<void> Healer::heal_superblocks() {
    const Geometry& geometry = roster_.common.geometry;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr) continue;
        for (const std::uint32_t copy : {1U, 0U}) {
            const std::uint64_t at =
                copy == 0 ? geometry.superblock_first() : geometry.superblock_last();
            const Extent area{at, superblock_area / geometry.block_size};
            IoPtr io = device->prepare(Io::Kind::read, Extent{}, area);
            io = co_await Transfer(*device, std::move(io));
            const auto present = io->error == 0 ? decode_superblock(io->in.bytes(), copy)
                                                : std::unexpected(Damage::checksum);
            if (present && present->same_group(roster_.common) && present->index == disk) continue;
            Superblock superblock = roster_.common;
            superblock.index = static_cast<std::uint16_t>(disk);
            io = device->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
            encode_superblock(io->out.bytes(), superblock, copy);
            const bool written = co_await write(disk, std::move(io));
            written ? ++report_.superblocks : ++report_.failed;
        }
    }
}

Task<bool> Healer::write(std::size_t disk, IoPtr io) {
    Disk& device = *roster_.members[disk];
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) {
        const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
        hold_until_ = world_.clock.now() + drain_time(ttl);
    }
    co_return io->error == 0;
}

// ---- strangers ----

Task<Result<std::vector<Adoption::Adopted>>> Adoption::run() {
    std::vector<Adopted> adopted;
    for (const Identity& stranger : roster_.strangers) {
        if (!stranger.answered || stranger.error != 0) continue;
        Disk& disk = *stranger.disk;
        const Geometry& geometry = roster_.common.geometry;
        if (!disk.use_block_size(geometry.block_size) || disk.blocks() < geometry.blocks()) {
            co_return std::unexpected(Error{
                Code::bad_data, fmt::format("{} is too small for group {}: {} bytes are needed",
                                            disk.name(), roster_.common.name, geometry.bytes())});
        }
        const std::optional<std::size_t> known = co_await recognise(disk);
        const Result<std::size_t> index = known ? Result<std::size_t>(*known) : only_missing(disk);
        if (!index) co_return std::unexpected(index.error());
        if (roster_.members[*index] != nullptr) {
            co_return std::unexpected(Error{
                Code::usage, fmt::format("{} and {} are the same disk; name each once",
                                         roster_.members[*index]->name(), disk.name())});
        }
        roster_.members[*index] = &disk;
        roster_.names[*index] = std::string(disk.name());
        Adopted one;
        one.index = *index;
        one.by_elimination = !known;
        adopted.push_back(one);
    }
    co_return adopted;
}

// A block of this group that survived says which disk it is.
Task<std::optional<std::size_t>> Adoption::recognise(Disk& disk) {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint64_t chunk = (1U << 20) / geometry.block_size;
    for (std::uint64_t first = 0; first < geometry.blocks(); first += chunk) {
        const Extent extent{first, std::min(chunk, geometry.blocks() - first)};
        IoPtr io = disk.prepare(Io::Kind::read, Extent{}, extent);
        io = co_await Transfer(disk, std::move(io));
        if (io->error != 0) continue;
        for (std::uint64_t i = 0; i < extent.count; ++i) {
            const ByteView block =
                io->in.bytes().subspan(i * geometry.block_size, geometry.block_size);
            if (inspect_checksum(block) != Damage::none) continue;
            const BlockAddress address = address_of(block);
            if (address.group != roster_.common.group) continue;
            for (std::size_t index = 0; index < roster_.disks(); ++index) {
                if (Superblock::tag(roster_.common.disks[index]) == address.disk) co_return index;
            }
        }
    }
    co_return std::nullopt;
}

Result<std::size_t> Adoption::only_missing(const Disk& disk) const {
    std::vector<std::size_t> missing;
    for (std::size_t index = 0; index < roster_.disks(); ++index) {
        if (roster_.members[index] == nullptr) missing.push_back(index);
    }
    if (missing.size() == 1) return missing.front();
    if (missing.empty()) {
        return std::unexpected(Error{Code::usage, fmt::format("{} is no disk of group {}, whose {} "
                                                              "disks are all there",
                                                              disk.name(), roster_.common.name,
                                                              roster_.disks())});
    }
    return std::unexpected(Error{
        Code::usage, fmt::format("{} disks of group {} are missing, and nothing on {} says which it "
                                 "is; bring back the others first",
                                 missing.size(), roster_.common.name, disk.name())});
}

}  // namespace diskpaxos
