#include "cli/check_report.hpp"

#include <fmt/format.h>

#include "base/errno_text.hpp"

namespace diskpaxos::cli {

namespace {

Colour colour_of(DiskVerdict verdict) {
    switch (verdict) {
        case DiskVerdict::sound:
            return Colour::good;
        case DiskVerdict::stale:
        case DiskVerdict::unseen:
            return Colour::warning;
        case DiskVerdict::damaged:
        case DiskVerdict::absent:
            return Colour::bad;
    }
    return Colour::none;
}

std::string details(const DiskReport& disk, const CheckReport& of) {
    if (!disk.present) return "";
    std::string text = fmt::format("votes for {} of {}", disk.cell_votes,
                                   counted(of.votes.cells.size(), "cell", "cells"));
    if (!of.votes.slots.empty()) {
        text += fmt::format(" and {} of {}", disk.slot_votes,
                            counted(of.votes.slots.size(), "slot", "slots"));
    }
    text += fmt::format("; {}, {} in use", counted(disk.blocks, "block", "blocks"),
                        disk.blocks - disk.initial - disk.damaged);
    if (disk.stale != 0) text += fmt::format(", {} older than on another disk", disk.stale);
    if (disk.damaged != 0) text += fmt::format(", {} damaged", disk.damaged);
    const std::uint64_t foreign = disk.by_damage[static_cast<std::size_t>(Damage::foreign)];
    if (foreign != 0) text += fmt::format(" ({} of another group or disk)", foreign);
    if (!disk.front_superblock) text += ", superblock at the front damaged";
    if (!disk.back_superblock) text += ", superblock at the end damaged";
    if (disk.slot_entries_damaged != 0) {
        text += fmt::format(", {} damaged",
                            counted(disk.slot_entries_damaged, "slot entry", "slot entries"));
    }
    if (disk.unseen != 0) {
        text += fmt::format(", {} not for us to see", counted(disk.unseen, "cell", "cells"));
    }
    if (disk.error != 0) text += fmt::format(", {}", errno_text(disk.error));
    return text;
}

Json described(const DiskReport& disk) {
    Json object;
    object["disk"] = disk.name;
    object["verdict"] = describe(disk.verdict());
    object["present"] = disk.present;
    object["error"] = disk.error == 0 ? Json() : Json(errno_text(disk.error));
    object["front_superblock"] = disk.front_superblock;
    object["back_superblock"] = disk.back_superblock;
    object["blocks"] = disk.blocks;
    object["initial"] = disk.initial;
    object["stale"] = disk.stale;
    object["damaged"] = disk.damaged;
    object["slot_entries_damaged"] = disk.slot_entries_damaged;
    object["votes_for_cells"] = disk.cell_votes;
    object["votes_for_slots"] = disk.slot_votes;
    object["cells_unseen"] = disk.unseen;
    object["highest_round"] = disk.highest_round;
    object["examples"] = disk.examples;
    return object;
}

// Cells that were ever written: more than names, for a repair writes in all of them.
void show_votes(const CheckReport& report, Output& out) {
    out.line(fmt::format("{} of {} written to", report.cells_in_use,
                         counted(report.cells, "cell", "cells")));
    const Redundancy& votes = report.votes;
    const auto say = [&](Colour colour, std::uint64_t cells, std::uint64_t slots,
                         const char* what) {
        if (cells + slots == 0) return;
        std::string text = counted(cells, "cell", "cells");
        if (slots > 0) text += " and " + counted(slots, "slot", "slots");
        out.line(out.paint(colour, text + what));
    };
    const std::uint64_t lost = report.cells_without_quorum;
    say(Colour::bad, lost, votes.lost_slots(),
        " cannot be used: too few of their copies are whole");
    if (votes.disks > 1) {
        say(Colour::warning, votes.bare_cells() - votes.lost_cells(),
            votes.bare_slots() - votes.lost_slots(),
            " have no vote to spare: the next loss stops them");
    }
}

}  // namespace

Json described(const CheckReport& report) {
    Json object;
    object["sound"] = report.sound();
    object["redundancy"] = describe(report.votes.level());
    object["cells"] = report.cells;
    object["cells_in_use"] = report.cells_in_use;
    object["cells_without_quorum"] = report.cells_without_quorum;
    object["cells_at_bare_majority"] = report.votes.bare_cells();
    object["slots_at_bare_majority"] = report.votes.bare_slots();
    object["slots_without_quorum"] = report.votes.lost_slots();
    object["cells_unseen"] = report.votes.unseen_cells();
    object["rolled_back"] = report.rolled_back;
    object["rolled_back_examples"] = report.rolled_back_examples;
    object["disks"] = Json::array();
    for (const DiskReport& disk : report.disks) object["disks"].push_back(described(disk));
    return object;
}

Json described(const HealReport& healed) {
    Json object;
    object["superblocks"] = healed.superblocks;
    object["slot_entries"] = healed.slot_entries;
    object["blocks"] = healed.blocks;
    object["unhealable"] = healed.unhealable;
    object["failed"] = healed.failed;
    object["left"] = healed.left;
    return object;
}

void show(const CheckReport& report, Output& out) {
    for (const DiskReport& disk : report.disks) {
        const DiskVerdict verdict = disk.verdict();
        out.line(fmt::format("{}  {}  {}",
                             out.paint(colour_of(verdict), fmt::format("{:<8}", describe(verdict))),
                             printable(disk.name), details(disk, report)));
        for (const std::string& example : disk.examples) {
            out.line(fmt::format("          {}", printable(example)));
        }
        if (disk.damaged > disk.examples.size() && !disk.examples.empty()) {
            out.line(fmt::format("          and {} more", disk.damaged - disk.examples.size()));
        }
    }
    show_votes(report, out);
    if (report.rolled_back == 0) return;
    out.line(out.paint(
        Colour::bad,
        fmt::format(
            "suspicious: {} on one disk of which a majority has no trace; it looks as if disks "
            "were put back to an older state, which loses what was acknowledged",
            counted(report.rolled_back, "block stands", "blocks stand"))));
    for (const std::string& example : report.rolled_back_examples) {
        out.line(fmt::format("          {}", printable(example)));
    }
}

void show(const RegisterReport& healed, Output& out) {
    out.line(fmt::format("repaired: {} restored, {} written again",
                         counted(healed.restored, "register", "registers"),
                         counted(healed.renewed, "cell", "cells")));
    if (healed.unhealable != 0) {
        out.line(fmt::format("{} cannot be healed: too few other disks answer",
                             counted(healed.unhealable, "register", "registers")));
    }
    if (healed.failed != 0)
        out.line(fmt::format("{} could not be written",
                             counted(healed.failed, "register", "registers")));
}

void show(const HealReport& healed, Output& out) {
    out.line(fmt::format("repaired: {}, {}, {}",
                         counted(healed.superblocks, "superblock", "superblocks"),
                         counted(healed.slot_entries, "slot entry", "slot entries"),
                         counted(healed.blocks, "block", "blocks")));
    if (healed.unhealable != 0) {
        out.line(fmt::format("{} cannot be healed: too few other copies are readable",
                             counted(healed.unhealable, "block", "blocks")));
    }
    if (healed.failed != 0) out.line(counted(healed.failed, "write", "writes") + " failed");
    for (const std::string& sentence : healed.left) {
        out.line(fmt::format("left alone: {}", printable(sentence)));
    }
}

}  // namespace diskpaxos::cli
