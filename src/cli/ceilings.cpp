#include "cli/ceilings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "group/ceilings.hpp"
#include "group/heal_registers.hpp"
#include "node/host.hpp"

namespace diskpaxos::cli {

namespace {

constexpr std::uint64_t minute_ms = 60'000;
constexpr std::size_t most_lines = 10;
constexpr std::uint64_t much = 64U << 20;  // bytes of one disk that `doctor` reads

// Who owns the slot of a passive disk, as far as anybody can tell.
std::string writer_of(OpenGroup& group, const Aloft& block) {
    if (block.place == no_place) return fmt::format("proposer {:016x}", block.by.value);
    const std::uint32_t slot = block.place / group.roster().common.geometry.ring;
    const Threshold rule = Threshold::majority(group.roster().disks());
    TableReader table(group.world(), group.roster(), rule);
    if (!group.run(table.read(group.deadline()))) return fmt::format("slot {}", slot);
    const SlotView& view = table.view(slot);
    if (!view.known || !view.owner.held()) return fmt::format("slot {}, which nobody owns", slot);
    return fmt::format("slot {} of host {}", slot, printable(view.owner.host_name));
}

std::string line_of(OpenGroup& group, const Aloft& block) {
    return fmt::format("{}: cell {} has promised round {}, written by {}",
                       group.roster().names[block.disk], block.cell, block.promised.round,
                       writer_of(group, block));
}

std::vector<Aloft> aloft(OpenGroup& group, std::uint64_t& ceiling, std::uint32_t cells) {
    // A repair goes a leap above the ceiling of its moment, and what follows it a little more.
    ceiling = ceiling_now(group.roster(), node::unix_ms()) + 2 * RegisterHealer::leap;
    return group.run(find_aloft(group.world(), group.roster(), ceiling, cells));
}

// What a person should think of first.
constexpr const char* innocent =
    "nothing is broken: giving up a name (--give-up) goes that high, and so did repairs by programs of "
    "before 1.4; if there was none, find out who that is";

}  // namespace

std::vector<Finding> judge_clocks(const std::vector<std::pair<std::string, std::uint64_t>>& clocks,
                                  std::uint64_t own_ms) {
    if (clocks.empty()) return {};
    std::vector<std::uint64_t> times;
    for (const auto& clock : clocks) times.push_back(clock.second);
    std::ranges::sort(times);
    const std::uint64_t apart = times.back() - times.front();
    if (apart <= minute_ms) {
        return {{Health::ok, "clocks", "", fmt::format("the agents' are {} ms apart", apart), ""}};
    }
    const bool asked = clocks.size() == 2;  // neither is most of them: a third one must tell
    if (asked) times.insert(std::ranges::upper_bound(times, own_ms), own_ms);
    const std::uint64_t middle = times[(times.size() - 1) / 2];
    const auto off = [middle](std::uint64_t time) {
        return time > middle ? time - middle : middle - time;
    };
    const auto agreeing = std::ranges::count_if(
        times, [&](std::uint64_t time) { return off(time) <= minute_ms; });
    const bool most = 2 * static_cast<std::size_t>(agreeing) > times.size();
    constexpr const char* remedy = "set it right: by it the agent bounds how high ranks may rise";
    std::vector<Finding> findings;
    for (const auto& [name, time] : clocks) {
        if (!most || off(time) <= minute_ms) continue;
        findings.push_back({Health::warn, "clocks", name,
                            fmt::format("its clock is {} s {} {}", off(time) / 1000,
                                        time > middle ? "ahead of" : "behind",
                                        asked ? "the other agent's, with which this host's agrees"
                                              : "the others'"),
                            remedy});
    }
    if (!findings.empty()) return findings;
    return {{Health::warn, "clocks", "",
             fmt::format("the agents' differ, by {} s; which is wrong cannot be told from here",
                         apart / 1000),
             "look at each, and set right what is wrong: by it an agent bounds how high ranks may rise"}};
}

std::vector<Finding> examine_ceilings(OpenGroup& group) {
    std::vector<std::pair<std::string, std::uint64_t>> clocks;
    for (std::size_t disk = 0; disk < group.roster().disks(); ++disk) {
        const Disk* device = group.roster().members[disk];
        const auto time = device != nullptr ? device->keeper_ms() : std::nullopt;
        if (time) clocks.emplace_back(group.roster().names[disk], *time);
    }
    std::vector<Finding> findings = judge_clocks(clocks, node::unix_ms());
    const Geometry& widest = group.roster().shapes[group.roster().passive().empty()];
    const std::uint64_t row = std::uint64_t{widest.row_blocks()} * widest.block_size;
    const std::uint64_t cells = std::min<std::uint64_t>(widest.cells, much / row);
    std::uint64_t ceiling = 0;
    const auto found = aloft(group, ceiling, static_cast<std::uint32_t>(cells));
    for (std::size_t i = 0; i < std::min(found.size(), most_lines); ++i) {
        findings.push_back({Health::warn, "ceiling", "", line_of(group, found[i]),
                            i == 0 ? fmt::format("{} (docs/operating.md, members that are hostile)",
                                                 innocent)
                                   : ""});
    }
    if (found.empty()) {
        findings.push_back({Health::ok, "ceiling", "",
                            fmt::format("no rank above {} in {} of {} cells", ceiling, cells,
                                        widest.cells),
                            ""});
    }
    return findings;
}

void show_ceilings(OpenGroup& group, Output& out, Json& object) {
    std::uint64_t ceiling = 0;
    const auto found = aloft(group, ceiling, group.roster().common.geometry.cells);
    object["above_ceiling"] = found.size();
    for (std::size_t i = 0; i < std::min(found.size(), most_lines); ++i) {
        out.line(fmt::format("above the ceiling: {}", line_of(group, found[i])));
    }
    if (found.size() > most_lines) {
        out.line(fmt::format("above the ceiling: {} more",
                             counted(found.size() - most_lines, "block", "blocks")));
    }
    if (!found.empty()) out.line(fmt::format("above the ceiling: {}", innocent));
}

}  // namespace diskpaxos::cli
