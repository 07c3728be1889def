#include "group/ceilings.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "group/check.hpp"

namespace diskpaxos {

std::optional<std::uint64_t> latest_clock(const Roster& roster) {
    std::optional<std::uint64_t> latest;
    for (const Disk* disk : roster.members) {
        if (disk != nullptr) latest = std::max(latest, disk->keeper_ms());
    }
    return latest;
}

std::uint64_t ceiling_now(const Roster& roster, std::uint64_t now_ms) {
    return ceiling(roster.common.formatted_ms, latest_clock(roster).value_or(now_ms));
}

std::uint64_t renewed_above(std::uint64_t formatted_ms, std::uint64_t clock_ms) {
    if (mutated(Mutant::healed_below_ceiling)) return 0;
    return ceiling(formatted_ms, clock_ms);
}

Task<std::vector<Aloft>> find_aloft(World& world, const Roster& roster, std::uint64_t ceiling,
                                    std::uint32_t cells) {
    std::vector<Aloft> found;
    Rows rows(world, roster);
    const std::uint32_t step = rows.cells_at_once();
    const std::uint32_t places = roster.passive().empty() ? 1 : roster.shapes[0].places();
    for (std::uint32_t first = 0; first < cells; first += step) {
        const std::uint32_t count = std::min(step, cells - first);
        co_await rows.read(first, count);
        for (std::uint32_t at = 0; at < count * places; ++at) {
            const std::uint32_t cell = first + at / places;
            const Place place = at % places;
            const std::vector<Decoded> copies = rows.copies(cell, place);
            for (std::size_t disk = 0; disk < copies.size(); ++disk) {
                const bool active = roster.common.is_active(disk);
                const Block& block = copies[disk].block;
                const bool valid = copies[disk].state == BlockState::valid;
                if (!valid || block.promised.round <= ceiling || (active && place > 0)) continue;
                found.push_back(
                    {disk, cell, active ? no_place : place, block.promised, block.incarnation});
            }
        }
    }
    co_return found;
}

}  // namespace diskpaxos
