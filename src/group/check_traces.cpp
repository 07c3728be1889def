// Checking that no majority was rolled back, by what one disk still shows. What a writer has
// accepted at a rank it has promised before, on a majority: its read at that rank, or the write
// that promised the rank along, was won there, durably (3.2, 6.3). Its promise never falls again:
// it carries it, and who heals its block writes a merge in which a quorum of the others took part
// (7.8). An active disk keeps one promise for all, and has promised at least as much. So where
// fewer disks than a majority show it, and the others can be read, they have lost what they had
// acknowledged.
//
// A row is not read at one moment, so one look may see the acceptance on one disk and the others as
// they were before the promise. A look that begins after the acceptance was seen may not.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "group/check.hpp"

namespace diskpaxos {

namespace {

constexpr std::size_t examples_shown = 3;

// The disks on which the promise stands, or might: those that cannot be read are not accused.
DiskSet possible_traces(const std::vector<Decoded>& copies, Rank rank) {
    DiskSet traces;
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        const Decoded& copy = copies[disk];
        if (copy.state == BlockState::unknown) traces.insert(disk);
        if (copy.state == BlockState::valid && copy.block.promised >= rank) traces.insert(disk);
    }
    return traces;
}

}  // namespace

// `among`: the passive disks, whose copies are of one writer; or the active ones, if there are no
// others: in a mixed group the traces of a step lie in blocks of many writers.
void Checker::remember(std::uint32_t cell, std::uint32_t place, const std::vector<Decoded>& copies,
                       DiskSet among) {
    Rank highest;
    for (std::size_t disk = 0; disk < copies.size(); ++disk) {
        if (!among.contains(disk) || copies[disk].state != BlockState::valid) continue;
        if (roster_.common.is_active(disk) && !roster_.passive().empty()) return;
        highest = std::max(highest, copies[disk].block.accepted);
    }
    if (highest.none()) return;
    const DiskSet traces = possible_traces(copies, highest);
    if (!rule_.suffices(Purpose::read, traces)) untraced_.push_back({cell, place, highest});
}

void Checker::look_for_traces_again() {
    for (const Acceptance& seen : std::exchange(untraced_, {})) {
        const std::vector<Decoded> copies = rows_.copies(seen.cell, seen.place);
        const DiskSet traces = possible_traces(copies, seen.rank);
        if (rule_.suffices(Purpose::read, traces)) continue;
        ++report_.rolled_back;
        if (report_.rolled_back_examples.size() >= examples_shown) continue;
        std::string without;
        for (std::size_t disk = 0; disk < copies.size(); ++disk) {
            if (traces.contains(disk)) continue;
            without += fmt::format("{}{}", without.empty() ? "" : " and ", roster_.names[disk]);
        }
        const std::uint32_t ring = roster_.common.geometry.ring;
        report_.rolled_back_examples.push_back(fmt::format(
            "cell {} slot {}{}: no trace on {} of what this writer promised before round {}",
            seen.cell, seen.place / ring, whose(seen.cell), without, seen.rank.round));
    }
}

}  // namespace diskpaxos
