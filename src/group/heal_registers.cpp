#include "group/heal_registers.hpp"

#include <algorithm>
#include <cerrno>

#include "base/mutant.hpp"
#include "disk/step.hpp"
#include "group/ceilings.hpp"

namespace diskpaxos {

Task<RegisterReport> RegisterHealer::run(Duration time_out) {
    const std::uint32_t cells = group_.geometry().cells;
    const std::uint32_t step = rows_.cells_at_once();
    for (std::uint32_t first = 0; first < cells; first += step) {
        const std::uint32_t count = std::min(step, cells - first);
        co_await rows_.read(first, count);
        for (std::uint32_t cell = first; cell < first + count; ++cell) {
            co_await heal(cell, time_out);
        }
    }
    co_return report_;
}

Task<void> RegisterHealer::heal(std::uint32_t number, Duration time_out) {
    const DiskSet active = group_.roster().active();
    const std::vector<CopyState> states = compare(rows_.copies(number, 0), active);
    DiskSet damaged;
    std::vector<Rank> damages(states.size());
    if (mutated(Mutant::ceiling_lowered)) co_await lower(number);
    bool behind = false;
    bool full = false;
    std::uint64_t highest = 0;  // in sight: the look of renew() ends with a majority, and may miss it
    for (std::size_t disk = 0; disk < states.size(); ++disk) {
        const bool there = active.contains(disk) && rows_.errors()[disk] == 0;
        const bool may = there && group_.roster().members[disk]->lets(Right::format, "");
        if (there && states[disk] == CopyState::damaged && !may) ++report_.forbidden;
        if (may && states[disk] == CopyState::damaged) {
            damages[disk] = co_await damage(disk, number);
            damaged.insert(disk);
        }
        const Decoded copy = rows_.copies(number, 0)[disk];
        full = full || copy.damage == Damage::no_room || copy.block.promised.round >= last_round;
        behind = behind || (there && states[disk] == CopyState::stale);
        const std::uint64_t round = copy.block.promised.round;
        if (copy.state == BlockState::valid && round < last_round) highest = std::max(highest, round);
    }
    if (damaged.empty() && !behind) co_return;
    Cell& cell = group_.cell(number);
    const Instant deadline = group_.world().clock.now() + time_out;
    if (full || mutated(Mutant::ceiling_lowered)) highest = 0;  // no room above it: it is left out
    const std::uint64_t above = damaged.empty() ? highest : std::max(highest, high());
    const ChangeOutcome written = co_await cell.renew(damaged.empty() ? 0 : leap, deadline, above);
    if (!std::holds_alternative<Committed>(written)) {
        ++(full ? report_.no_room : damaged.empty() ? report_.failed : report_.unhealable);
        co_return;
    }
    if (full) ++report_.no_room;
    ++report_.renewed;
    const Block image = cell.reg().own().block();
    for (std::size_t disk = 0; disk < states.size(); ++disk) {
        if (!damaged.contains(disk)) continue;
        const int error = co_await restore(disk, number, damages[disk], image);
        ++(error == 0 ? report_.restored : error == EACCES ? report_.forbidden : report_.failed);
    }
}

// Only a mutant does so: it takes a promise above the ceiling for damage.
Task<void> RegisterHealer::lower(std::uint32_t number) {
    const std::vector<Decoded> copies = rows_.copies(number, 0);
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        if (copies[disk].block.promised.round <= high()) continue;
        const Rank aloft = co_await damage(disk, number);
        co_await restore(disk, number, aloft, copies[(disk + 1) % copies.size()].block);
    }
}

std::uint64_t RegisterHealer::high() const {
    const std::uint64_t clock = latest_clock(group_.roster()).value_or(now_ms_);
    return renewed_above(group_.roster().common.formatted_ms, clock);
}

// The rank of a request that restores just this damage.
Task<Rank> RegisterHealer::damage(std::size_t disk, std::uint32_t cell) {
    Disk& device = *group_.roster().members[disk];
    const Extent block = group_.roster().geometry(disk).row(cell);
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, block);
    io = co_await Transfer(device, std::move(io));
    co_return restoring(io->in.bytes());
}

Task<int> RegisterHealer::restore(std::size_t disk, std::uint32_t cell, Rank damage, Block image) {
    Disk& device = *group_.roster().members[disk];
    const Extent block = group_.roster().geometry(disk).row(cell);
    const BlockAddress address = group_.roster().row(disk, cell).block(0);
    IoPtr io = device.prepare(Io::Kind::step, block, block);
    io->rank = damage;
    encode_block(io->out.bytes(), address, image);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return io->error;
    const bool sound = decode_block(io->in.bytes(), address).state != BlockState::unknown;
    co_return io->verdict == StepVerdict::done || sound ? 0 : EIO;
}

}  // namespace diskpaxos
