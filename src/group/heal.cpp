#include "group/heal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/mutant.hpp"
#include "register/row.hpp"

namespace diskpaxos {

namespace {
constexpr Duration give_back_time =
    std::chrono::seconds(5);  // for slow disks, when healing is over
}

Healer::Healer(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks,
               Host host, HealWish wish)
    : world_(world),
      roster_(roster),
      rule_(rule),
      locks_(locks),
      host_(std::move(host)),
      wish_(std::move(wish)),
      table_(world, roster, rule),
      claim_(world, roster, rule),
      rows_(world, roster),
      locked_(roster.common.geometry.slots),
      entitled_(roster.common.geometry.slots),
      doubtful_(roster.common.geometry.slots),
      scope_(world.queue) {}

Task<Result<HealReport>> Healer::run(Instant deadline) {
    const bool read = co_await table_.read(deadline);
    if (!read) {
        co_return std::unexpected(Error{Code::no_quorum,
                                        "the slot table cannot be read on a "
                                        "majority of the disks; nothing was healed"});
    }
    if (wish_.watch) {  // which has its own time: the rest is not to be begun too late for it
        const Duration patience = deadline - world_.clock.now();
        co_await watch_claims();
        deadline = world_.clock.now() + patience;
    }
    const DiskSet claiming = lock(claim_lock);  // one process of a host at a time
    if (claiming.empty()) {
        co_return std::unexpected(Error{Code::busy,
                                        "another process of this host is claiming or "
                                        "healing slots; run it again"});
    }
    tell_elsewhere();
    lock_free();
    co_await claim_free(deadline);
    borrow_ours();
    co_await heal_slot_table();
    co_await heal_cells();
    return_ours();
    // A write that failed may still happen: it must not meet the next user
    // (algorithms.md 7.4, 7.5).
    co_await world_.clock.sleep_until(hold_until_);
    const Instant patience = std::max(deadline, world_.clock.now() + give_back_time);
    const bool released = co_await claim_.release(patience);
    if (!released) {
        // Something of ours may still land. Only the end of this process lets go of the locks: the
        // kernel keeps them until its last write has (the OFD rule).
        report_.unfinished = true;
        report_.left.push_back(
            "some disk does not answer: slots that were borrowed for healing "
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

Task<Result<HealReport>> Healer::run_without_slots() {
    co_await heal_superblocks();
    co_return std::move(report_);
}

void Healer::tell_elsewhere() {
    std::map<std::string, std::uint32_t> elsewhere;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        const bool foreign = view.known && view.owner.held() && view.owner.host != host_.id;
        if (foreign && wanted(slot)) ++elsewhere[view.owner.host_name];
    }
    for (const auto& [name, count] : elsewhere) {
        report_.left.push_back(fmt::format(
            "{} slots belong to host {}: what is damaged of them is healed by \"diskpaxos check "
            "--repair\" there",
            count, name));
    }
}

// ---- free slots ----

// Claims that nobody followed up: stamps that stand unchanged under a free owner longer than their
// writers go on and their last writes are under way. An earlier boot's writes land meanwhile.
Task<void> Healer::watch_claims() {
    const std::vector<std::uint64_t> before = stale_claims();
    const bool earlier = earlier_boot();
    if (before.empty() && !earlier) co_return;
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    co_await world_.clock.sleep(ClaimTiming::of(ttl).life() + drain_time(ttl));
    const bool read = co_await table_.read(world_.clock.now() + give_back_time);
    if (!read) co_return;
    drained_ = true;
    for (const std::uint64_t stamp : stale_claims()) {
        if (std::ranges::count(before, stamp) > 0) outlived_.push_back(stamp);
    }
}

// Those that bar a slot: one that is claimable all the same is given back with all its claims free.
std::vector<std::uint64_t> Healer::stale_claims() const {
    std::vector<std::uint64_t> stamps;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!wanted(slot) || !view.known || view.owner.held() || view.claimable) continue;
        for (const TableCopy& copy : table_.copies()) {
            const bool taken = copy.read && copy.claims[slot] && copy.claims[slot]->held();
            if (taken) stamps.push_back(copy.claims[slot]->stamp);
        }
    }
    return stamps;
}

bool Healer::earlier_boot() const {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        const bool left = view.known && ours(view.owner, SlotState::borrowed);
        if (left && view.owner.boot != host_.boot) return true;
    }
    return false;
}

// Free slots are ours while we hold them as borrowed; so are those that a dead healer of this host
// held. What one of an earlier boot had under way may still land, and must have been waited out.
void Healer::lock_free() {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.known) continue;
        if (ours(view.owner, SlotState::borrowed)) {
            if (view.owner.boot != host_.boot && !drained_) {
                ++report_.barred;
            } else if (lock_for_healing(slot)) {
                entitled_[slot] = true;
                claim_.resume(slot, view.owner);
            }
        } else if (!view.owner.held() && wanted(slot)) {
            if (!view.claimable && !drained_) {
                ++report_.barred;
            } else if (lock_for_healing(slot)) {
                free_.push_back(slot);
            }
        }
    }
    if (report_.barred == 0) return;
    report_.left.push_back(
        fmt::format("{} free slots are claimed by somebody who may have given up", report_.barred));
}

Task<void> Healer::claim_free(Instant deadline) {
    if (free_.empty()) co_return;
    std::vector<std::uint32_t> won;
    const bool read = co_await claim_.read(deadline);
    if (read) {
        won = co_await claim_.claim(free_, SlotState::borrowed, host_, deadline, outlived_);
    }
    for (const std::uint32_t slot : won) entitled_[slot] = true;
    if (won.size() == free_.size()) co_return;
    report_.not_now += free_.size() - won.size();
    report_.left.push_back(fmt::format(
        "{} free slots could not be claimed for healing; run it again", free_.size() - won.size()));
}

// ---- slots of this host ----

void Healer::borrow_ours() {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        const SlotView view = table_.view(slot);
        if (!view.known || !ours(view.owner, SlotState::taken) || !wanted(slot)) continue;
        entitled_[slot] = lock_for_healing(slot);
    }
    if (in_use_ > 0) {
        report_.left.push_back(
            fmt::format("{} slots are in use by processes of this host, which "
                        "heal them as they go",
                        in_use_));
    }
    // The kernel lets go of a dead process's files one by one, after its last writes (the OFD
    // rule).
    if (partly_ > 0) {
        report_.left.push_back(
            fmt::format("{} slots are still in use on some of the disks; run it again", partly_));
    }
    report_.not_now += in_use_ + partly_;
}

// As soon as no write of ours can meet the next user.
void Healer::return_ours() {
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        if (doubtful_[slot] || !ours(table_.view(slot).owner, SlotState::taken)) continue;
        unlock(slot, locked_[slot]);
        locked_[slot] = DiskSet();
    }
}

bool Healer::lock_for_healing(std::uint32_t slot) {
    locked_[slot] = lock(slot);
    if (locked_[slot].empty())
        ++in_use_;
    else if (locked_[slot].size() < roster_.present())
        ++partly_;
    return !locked_[slot].empty();
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
                const bool written = co_await write(disk, std::move(io), slot, slot);
                if (!written) ++report_.failed;
            }
        }
    }
}

Task<void> Healer::heal_cells() {
    const Geometry& geometry = roster_.common.geometry;
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < geometry.cells; first += step) {
        const std::uint32_t count = std::min(step, geometry.cells - first);
        co_await rows_.read(first, count);
        for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
            if (rows_.errors()[disk] != 0 || roster_.common.is_active(disk))
                continue;  // absent, or it hangs or errs: nothing to heal on
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
    const Geometry& geometry = roster_.geometry(disk);
    const std::size_t size = geometry.block_size;
    const RowAddress row = roster_.row(disk, cell);
    const DiskSet passive = roster_.passive();
    const bool open = co_await heal_doors(cell, disk);
    if (!open) co_return;
    std::uint32_t begun = 0;
    IoPtr io;  // the run of blocks that is being collected, from place `begun`
    std::uint32_t in_run = 0;
    for (std::uint32_t place = 0; place <= geometry.places(); ++place) {
        std::optional<Merge> healed;
        if (place < geometry.places() && may_write(place / geometry.ring, disk)) {
            const std::vector<Decoded> copies = rows_.copies(cell, place);
            const CopyState state = compare(copies, passive)[disk];
            if (state == CopyState::damaged) healed = heal(copies, disk, rule_);
            if (state == CopyState::damaged && wish_.give_up == cell) healed = merge(copies, passive);
            if (state == CopyState::stale) healed = merge(copies, passive);
            if (state == CopyState::damaged && !healed) ++report_.unhealable;
        }
        if (healed) {
            if (io == nullptr) {
                begun = place;
                io = roster_.members[disk]->prepare(
                    Io::Kind::write,
                    Extent{geometry.block(cell, place), geometry.places() - place},
                    Extent{});
            }
            const ByteSpan out = io->out.bytes().subspan((place - begun) * size, size);
            healed->initial ? encode_initial(out, row.block(place))
                            : encode_block(out, row.block(place), healed->block);
            ++in_run;
        } else if (io != nullptr) {
            io->to.count = in_run;
            io->out.resize(in_run * size);
            const bool written = co_await write(disk, std::move(io), begun / geometry.ring,
                                                (begun + in_run - 1) / geometry.ring);
            (written ? report_.blocks : report_.failed) += in_run;
            in_run = 0;
        }
    }
}

// Last: until then nobody who starts takes the disk for sound.
Task<void> Healer::heal_superblocks() {
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr) continue;
        const Geometry& geometry = roster_.geometry(disk);
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
            superblock.geometry = geometry;
            io = device->prepare(Io::Kind::write, Extent{at, 1}, Extent{});
            encode_superblock(io->out.bytes(), superblock, copy);
            const bool written = co_await write(disk, std::move(io));
            written ? ++report_.superblocks : ++report_.failed;
        }
    }
}

Task<bool> Healer::write(std::size_t disk, IoPtr io, std::uint32_t first_slot,
                         std::uint32_t last_slot) {
    const bool written = co_await write(disk, std::move(io));
    for (std::uint32_t slot = first_slot; slot <= last_slot && !written; ++slot) {
        doubtful_[slot] = true;
    }
    co_return written;
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

}  // namespace diskpaxos
