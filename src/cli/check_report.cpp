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
    std::string text = fmt::format("votes for {} of {}", disk.cell_votes,
                                   counted(of.votes.cells.size(), "cell", "cells"));
    if (!of.votes.slots.empty()) {
        text += fmt::format(" and {} of {}", disk.slot_votes,
                            counted(of.votes.slots.size(), "slot", "slots"));
    }
    if (!disk.present) return text;
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

// Nothing else leads out of this: every disk is there.
void show_lost(const CheckReport& report, Output& out) {
    if (report.cells_lost == 0) return;
    for (const std::string& example : report.lost_examples) {
        out.line(fmt::format("          {}", printable(example)));
    }
    const std::size_t shown = report.lost_examples.size();
    if (report.cells_lost > shown) {
        out.line(fmt::format("          and {} more", report.cells_lost - shown));
    }
    out.line(out.pasteable(
        "          if \"diskpaxos check --repair\" cannot heal them, \"diskpaxos check --repair --give-up "
        "NAME\" lets go of one, unless it is a session's: what stood only on lost copies is gone then"));
}

// Cells that were ever written: more than names, for a repair writes in all of them.
void show_votes(const CheckReport& report, Output& out) {
    out.line(fmt::format("{} of {} written to", report.cells_in_use,
                         counted(report.cells, "cell", "cells")));
    const Redundancy& votes = report.votes;
    const auto say = [&](Colour colour, std::uint64_t cells, std::uint64_t slots,
                         const char* what) {
        if (cells + slots == 0) return;
        out.line(out.paint(colour, cells_and_slots(cells, slots) + what));
    };
    const std::uint64_t lost = report.cells_without_quorum;
    say(Colour::bad, lost, votes.lost_slots(),
        " cannot be used: too few of their copies are whole");
    show_lost(report, out);
    if (votes.disks > 1) {
        say(Colour::warning, votes.bare_cells() - votes.lost_cells(),
            votes.bare_slots() - votes.lost_slots(),
            " have no vote to spare: the next loss stops them");
    }
}

void show_unused(const Unused& unused, Output& out) {
    for (const std::string& sentence : unused.sentences) {
        out.line("          not in use: " + out.pasteable(printable(sentence)));
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
    object["cells_lost"] = report.cells_lost;
    object["lost_examples"] = report.lost_examples;
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
    object["settled"] = healed.settled;
    object["unhealable"] = healed.unhealable;
    object["failed"] = healed.failed;
    object["left"] = healed.left;
    return object;
}

void show(const CheckReport& report, const Unused& unused, Output& out) {
    for (const DiskReport& disk : report.disks) {
        const DiskVerdict verdict = disk.verdict();
        out.line(fmt::format("{}  {}  {}",
                             out.paint(colour_of(verdict), fmt::format("{:<8}", describe(verdict))),
                             printable(disk.name), details(disk, report)));
        if (!disk.present && unused.is_the_absent_one) show_unused(unused, out);
        for (const std::string& example : disk.examples) {
            out.line(fmt::format("          {}", printable(example)));
        }
        if (disk.damaged > disk.examples.size() && !disk.examples.empty()) {
            out.line(fmt::format("          and {} more", disk.damaged - disk.examples.size()));
        }
    }
    if (!unused.is_the_absent_one) show_unused(unused, out);
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

namespace {

void show_what_was(const HealReport& healed, const RegisterReport& registers, Output& out) {
    std::string text;
    const auto part = [&text](std::uint64_t count, const char* one, const char* many) {
        if (count > 0) text += (text.empty() ? "" : ", ") + counted(count, one, many);
    };
    part(healed.superblocks, "superblock", "superblocks");
    part(healed.slot_entries, "slot entry", "slot entries");
    part(healed.blocks, "block", "blocks");
    part(registers.restored, "register", "registers");
    part(registers.renewed, "cell written again", "cells written again");
    part(healed.settled, "slot that was out of use", "slots that were out of use");
    out.line("repaired: " + (text.empty() ? std::string("nothing") : text));
}

}  // namespace

void show(const HealReport& healed, const RegisterReport& registers, Output& out) {
    show_what_was(healed, registers, out);
    const auto say = [&out](std::uint64_t count, const char* one, const char* many,
                            const char* what) {
        if (count > 0) out.line(counted(count, one, many) + what);
    };
    say(healed.unhealable, "block", "blocks",
        " cannot be healed: too few other copies are readable");
    say(registers.unhealable, "register", "registers",
        " cannot be healed: too few other copies are readable");
    say(registers.forbidden, "register is", "registers are",
        " left alone: to restore a damaged one takes the right \"format = yes\" of its agent");
    say(registers.no_room, "register has", "registers have",
        " no room left for ranks on some disk");
    say(healed.failed, "write", "writes", " failed");
    say(registers.failed, "register", "registers", " could not be written");
    for (const std::string& sentence : healed.left) {
        out.line(fmt::format("left alone: {}", printable(sentence)));
    }
}

}  // namespace diskpaxos::cli
