#include "group/claim.hpp"

#include <algorithm>

namespace diskpaxos {

namespace {
constexpr int tries = 3;  // to read a table quickly
}

SlotTableAccess::SlotTableAccess(World& world, const Roster& roster, const QuorumRule& rule)
    : world_(world),
      roster_(roster),
      rule_(rule),
      timing_(ClaimTiming::of(std::chrono::milliseconds(roster.common.ttl_ms))),
      copies_(roster.disks()),
      stamped_at_(roster.disks()),
      validated_at_(roster.disks()),
      fan_(world) {}

Task<bool> SlotTableAccess::read(Instant deadline) {
    done_ = DiskSet();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr) fan_.start(read_copy(disk));
    }
    const std::function<bool()> suffices = [this] { return enough(); };
    co_return co_await fan_.gather(suffices, deadline);
}

Task<void> SlotTableAccess::read_copy(std::size_t disk) {
    copies_[disk] = co_await fetch(disk);
    if (copies_[disk].read) done_.insert(disk);
}

Task<TableCopy> SlotTableAccess::fetch(std::size_t disk) {
    Disk& device = *roster_.members[disk];
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, roster_.common.geometry.slot_table());
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return TableCopy();
    co_return decode_slot_table(io->in.bytes(), roster_.common, disk);
}

Task<std::vector<std::uint32_t>> SlotTableAccess::claim(std::vector<std::uint32_t> slots,
                                                        SlotState state, Host host,
                                                        Instant deadline,
                                                        std::vector<std::uint64_t> outlived) {
    CHECK(attempts_.empty());
    host_ = std::move(host);
    outlived_ = std::move(outlived);
    for (const std::uint32_t slot : slots) {
        const SlotView now = view(slot);
        if (!now.known || now.owner.held()) continue;
        Attempt attempt;
        attempt.slot = slot;
        attempt.entry.state = state;
        attempt.entry.turn = now.owner.turn + 1;
        attempt.entry.stamp = world_.random.bits(64);
        attempt.entry.since_ms = host_.now_ms;
        attempt.entry.host = host_.id;
        attempt.entry.boot = host_.boot;
        attempt.entry.host_name = host_.name;
        attempts_.push_back(std::move(attempt));
    }
    // One disk that hangs must not cost the others the bound.
    const Duration grace = std::min(Fan::grace, timing_.bound / 2);
    const std::function<bool()> suffices = [this] { return enough(); };
    done_ = DiskSet();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr) fan_.start(claim_on(disk));
    }
    co_await fan_.gather(suffices, deadline, grace);

    const DiskSet looked = done_;
    done_ = DiskSet();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (looked.contains(disk)) fan_.start(follow_up_on(disk));
    }
    const Instant patience = std::min(deadline, world_.clock.now() + timing_.wait);
    co_await fan_.gather(suffices, patience, grace);
    std::vector<std::uint32_t> won;
    for (const Attempt& attempt : attempts_) {
        if (rule_.suffices(Purpose::write, attempt.owned)) won.push_back(attempt.slot);
    }
    co_return won;
}

// Steps 1 to 3 of the timed rule on one disk, for all slots at once.
Task<void> SlotTableAccess::claim_on(std::size_t disk) {
    Instant before{};  // tb
    TableCopy table = co_await fetch_at_once(disk, before);
    if (!table.read) co_return;
    Scope stamps(world_.queue);
    for (Attempt& attempt : attempts_) {
        if (claimable(table, attempt.slot)) stamps.spawn(stamp(disk, attempt, before));
    }
    co_await stamps.idle().wait();
    stamped_at_[disk] = world_.clock.now();
    co_await world_.clock.sleep(timing_.wait);
    const bool looked = co_await validate(disk);
    if (looked) done_.insert(disk);
}

// The table, read quickly enough for a stamp to be in time as well: one that is late helps nobody
// and bars the slot. A disk that is never quick is tried all the same.
Task<TableCopy> SlotTableAccess::fetch_at_once(std::size_t disk, Instant& begun) {
    TableCopy table;
    for (int attempt = 0; attempt < tries; ++attempt) {
        begun = world_.clock.now();
        table = co_await fetch(disk);
        if (!table.read || world_.clock.now() - begun <= timing_.bound / 2) break;
    }
    co_return table;
}

// Step 2.
Task<void> SlotTableAccess::stamp(std::size_t disk, Attempt& attempt, Instant before) {
    if (world_.clock.now() - before > timing_.bound) co_return;
    SlotEntry entry = attempt.entry;
    entry.state = SlotState::taken;
    const bool put_down = co_await put(disk, BlockKind::claim, attempt.slot, std::move(entry));
    if (put_down && world_.clock.now() - before <= timing_.bound) attempt.stamped.insert(disk);
}

// Step 3.
Task<bool> SlotTableAccess::validate(std::size_t disk) {
    validated_at_[disk] = world_.clock.now();
    const TableCopy table = co_await fetch(disk);
    for (Attempt& attempt : attempts_) {
        const bool looked = table.read && attempt.stamped.contains(disk);
        const bool ours = looked && table.claims[attempt.slot] && table.owners[attempt.slot] &&
                          table.claims[attempt.slot]->stamp == attempt.entry.stamp &&
                          !table.owners[attempt.slot]->held() &&
                          table.owners[attempt.slot]->turn < attempt.entry.turn;
        ours ? attempt.validated.insert(disk) : attempt.validated.erase(disk);
    }
    co_return table.read;
}

bool SlotTableAccess::claimable(const TableCopy& table, std::uint32_t slot) const {
    const auto& claim = table.claims[slot];
    const auto& owner = table.owners[slot];
    if (!claim || !owner || owner->held()) return false;
    return !claim->held() || std::ranges::count(outlived_, claim->stamp) > 0;
}

// Step 4, on one disk.
Task<void> SlotTableAccess::follow_up_on(std::size_t disk) {
    const Instant end = stamped_at_[disk] + timing_.life();
    while (world_.clock.now() > std::min(validated_at_[disk] + timing_.bound, end)) {
        if (world_.clock.now() > end) co_return;
        const bool looked = co_await validate(disk);
        if (!looked) co_return;
    }
    Scope writes(world_.queue);
    for (Attempt& attempt : attempts_) {
        if (!attempt.validated.contains(disk)) continue;
        const bool won = rule_.suffices(Purposes{.read = true, .write = true}, attempt.validated);
        writes.spawn(won ? own(disk, attempt) : withdraw(disk, attempt));
    }
    co_await writes.idle().wait();
    done_.insert(disk);
}

Task<void> SlotTableAccess::own(std::size_t disk, Attempt& attempt) {
    const bool owned = co_await put(disk, BlockKind::owner, attempt.slot, attempt.entry);
    if (owned) attempt.owned.insert(disk);
}

// Nobody else is validated here, so that what is freed is ours.
Task<void> SlotTableAccess::withdraw(std::size_t disk, Attempt& attempt) {
    attempt.validated.erase(disk);
    SlotEntry entry = attempt.entry;
    entry.state = SlotState::free;
    --entry.turn;
    co_await put(disk, BlockKind::claim, attempt.slot, std::move(entry));
}

void SlotTableAccess::resume(std::uint32_t slot, SlotEntry entry) {
    Attempt attempt;
    attempt.slot = slot;
    attempt.entry = std::move(entry);
    resumed_.push_back(std::move(attempt));
}

Task<bool> SlotTableAccess::release(Instant deadline) {
    for (const Attempt& attempt : attempts_) {
        if (!attempt.owned.empty()) resumed_.push_back(attempt);
    }
    const std::function<bool()> all_ended = [this] { return fan_.all_done(); };
    if (!co_await fan_.gather(all_ended, deadline)) co_return false;  // a claim is still landing
    done_ = DiskSet();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr) fan_.start(free_on(disk));
    }
    co_await fan_.gather(all_ended, deadline);
    co_return fan_.all_done() && enough();
}

// The owner block first: until the claim block is free as well, nobody else gets in.
Task<void> SlotTableAccess::free_on(std::size_t disk) {
    bool all = true;
    for (const Attempt& attempt : resumed_) {
        SlotEntry entry = attempt.entry;
        entry.state = SlotState::free;
        entry.turn = attempt.entry.turn + 1;
        all = co_await put(disk, BlockKind::owner, attempt.slot, entry) && all;
        all = co_await put(disk, BlockKind::claim, attempt.slot, entry) && all;
    }
    if (all) done_.insert(disk);
}

Task<bool> SlotTableAccess::put(std::size_t disk, BlockKind kind, std::uint32_t slot,
                                SlotEntry entry) {
    Disk& device = *roster_.members[disk];
    const Geometry& geometry = roster_.common.geometry;
    const std::uint64_t at =
        kind == BlockKind::claim ? geometry.claim_block(slot) : geometry.owner_block(slot);
    IoPtr io = device.prepare(Io::Kind::write, Extent{at, 1}, Extent{});
    encode_slot_entry(io->out.bytes(), slot_address(roster_.common, disk, kind, slot), entry);
    io = co_await Transfer(device, std::move(io));
    co_return io->error == 0;
}

}  // namespace diskpaxos
