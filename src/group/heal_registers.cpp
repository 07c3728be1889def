#include "group/heal_registers.hpp"

#include <algorithm>

#include "disk/step.hpp"

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
    bool behind = false;
    for (std::size_t disk = 0; disk < states.size(); ++disk) {
        const bool there = active.contains(disk) && rows_.errors()[disk] == 0;
        if (there && states[disk] == CopyState::damaged) damaged.insert(disk);
        behind = behind || (there && states[disk] == CopyState::stale);
    }
    if (damaged.empty() && !behind) co_return;
    Cell& cell = group_.cell(number);
    const Instant deadline = group_.world().clock.now() + time_out;
    const ChangeOutcome written = co_await cell.renew(damaged.empty() ? 0 : leap, deadline);
    if (!std::holds_alternative<Committed>(written)) {
        damaged.empty() ? ++report_.failed : ++report_.unhealable;
        co_return;
    }
    ++report_.renewed;
    const Block image = cell.reg().own().block();
    for (std::size_t disk = 0; disk < states.size(); ++disk) {
        if (!damaged.contains(disk)) continue;
        const bool restored = co_await restore(disk, number, image);
        restored ? ++report_.restored : ++report_.failed;
    }
}

// Only the damage that is there now, so that two who heal do not undo each other.
Task<bool> RegisterHealer::restore(std::size_t disk, std::uint32_t cell, Block image) {
    Disk& device = *group_.roster().members[disk];
    const Extent block = group_.roster().geometry(disk).row(cell);
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, block);
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return false;
    const Rank rank = restoring(io->in.bytes());
    io = device.prepare(Io::Kind::step, block, block);
    io->rank = rank;
    encode_block(io->out.bytes(), group_.roster().row(disk, cell).block(0), image);
    io = co_await Transfer(device, std::move(io));
    const bool done = io->error == 0 && io->verdict == StepVerdict::done;
    const bool sound_by_now = io->error == 0 && io->verdict == StepVerdict::refused;
    co_return done || sound_by_now;
}

}  // namespace diskpaxos
