// `check`: reads every block of every disk; with --repair, heals what a majority can heal.
#include "group/check.hpp"

#include <fmt/format.h>

#include <cstring>

#include "cli/existing.hpp"
#include "cli/invocation.hpp"
#include "cli/open_group.hpp"
#include "group/adopt.hpp"
#include "group/heal.hpp"
#include "group/heal_registers.hpp"

namespace diskpaxos::cli {

namespace {

Colour colour_of(DiskVerdict verdict) {
    switch (verdict) {
        case DiskVerdict::sound: return Colour::good;
        case DiskVerdict::stale: return Colour::warning;
        case DiskVerdict::damaged:
        case DiskVerdict::absent: return Colour::bad;
    }
    return Colour::none;
}

std::string details(const DiskReport& disk) {
    if (!disk.present) return "";
    std::string text = fmt::format("{} blocks, {} in use", disk.blocks,
                                   disk.blocks - disk.initial - disk.damaged);
    if (disk.stale != 0) text += fmt::format(", {} older than on another disk", disk.stale);
    if (disk.damaged != 0) text += fmt::format(", {} damaged", disk.damaged);
    const std::uint64_t foreign = disk.by_damage[static_cast<std::size_t>(Damage::foreign)];
    if (foreign != 0) text += fmt::format(" ({} of another group or disk)", foreign);
    if (!disk.front_superblock) text += ", superblock at the front damaged";
    if (!disk.back_superblock) text += ", superblock at the end damaged";
    if (disk.slot_entries_damaged != 0) {
        text += fmt::format(", {} slot entries damaged", disk.slot_entries_damaged);
    }
    if (disk.error != 0) text += fmt::format(", {}", std::strerror(disk.error));
    return text;
}

Json described(const DiskReport& disk) {
    Json object;
    object["disk"] = disk.name;
    object["verdict"] = describe(disk.verdict());
    object["present"] = disk.present;
    object["error"] = disk.error == 0 ? Json() : Json(std::strerror(disk.error));
    object["front_superblock"] = disk.front_superblock;
    object["back_superblock"] = disk.back_superblock;
    object["blocks"] = disk.blocks;
    object["initial"] = disk.initial;
    object["stale"] = disk.stale;
    object["damaged"] = disk.damaged;
    object["slot_entries_damaged"] = disk.slot_entries_damaged;
    object["highest_round"] = disk.highest_round;
    object["examples"] = disk.examples;
    return object;
}

Json described(const CheckReport& report) {
    Json object;
    object["sound"] = report.sound();
    object["cells"] = report.cells;
    object["cells_in_use"] = report.cells_in_use;
    object["cells_without_quorum"] = report.cells_without_quorum;
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
                             disk.name, details(disk)));
        for (const std::string& example : disk.examples) {
            out.line(fmt::format("          {}", example));
        }
    }
    out.line(fmt::format("{} of {} cells in use", report.cells_in_use, report.cells));
    if (report.cells_without_quorum != 0) {
        out.line(out.paint(Colour::bad,
                           fmt::format("{} cells cannot be used: too few of their copies are whole",
                                       report.cells_without_quorum)));
    }
}

void show(const RegisterReport& healed, Output& out) {
    out.line(fmt::format("repaired: {} registers restored, {} cells written again", healed.restored,
                         healed.renewed));
    if (healed.unhealable != 0) {
        out.line(fmt::format("{} registers cannot be healed: too few other disks answer",
                             healed.unhealable));
    }
    if (healed.failed != 0) out.line(fmt::format("{} registers could not be written", healed.failed));
}

void show(const HealReport& healed, Output& out) {
    out.line(fmt::format("repaired: {} superblocks, {} slot entries, {} blocks", healed.superblocks,
                         healed.slot_entries, healed.blocks));
    if (healed.unhealable != 0) {
        out.line(fmt::format("{} blocks cannot be healed: too few other copies are readable",
                             healed.unhealable));
    }
    if (healed.failed != 0) out.line(fmt::format("{} writes failed", healed.failed));
    for (const std::string& sentence : healed.left) {
        out.line(fmt::format("left alone: {}", sentence));
    }
}

CheckReport check(OpenGroup& group, const QuorumRule& rule) {
    Checker checker(group.world(), group.roster(), rule);
    return group.run(checker.run());
}

// What must not be overwritten on a disk that is ours by elimination only.
Result<void> refuse_content(OpenGroup& group, const Disk& disk) {
    for (const RealWorld::Member& member : group.real().members()) {
        if (member.disk.get() != &disk) continue;
        const std::vector<std::string> found =
            member.file ? existing_content(*member.file)
                        : group.run(existing_content(*member.disk));
        if (found.empty()) continue;
        return std::unexpected(Error{
            Code::usage, fmt::format("nothing on {} says that it is the missing disk of the group, "
                                     "and it holds {}; if it is, wipe it first",
                                     disk.name(), fmt::join(found, ", "))});
    }
    return {};
}

// Disks whose superblocks are gone are members again if they can be recognised.
Result<void> adopt(OpenGroup& group, bool repair, Output& out) {
    Adoption adoption(group.world(), group.roster());
    const auto adopted = group.run(adoption.run());
    if (!adopted) return std::unexpected(adopted.error());
    for (const Adoption::Adopted& disk : *adopted) {
        if (repair && disk.by_elimination) {
            auto fine = refuse_content(group, *group.roster().members[disk.index]);
            if (!fine) return fine;
        }
        out.warn(fmt::format("{} is taken to be disk {} of the group",
                             group.roster().names[disk.index], disk.index + 1));
    }
    return group.lock_active_disks();
}

Result<HealReport> heal(OpenGroup& group, const QuorumRule& rule, const Host& host, HealWish wish) {
    Healer healer(group.world(), group.roster(), rule, group.locks(), host, std::move(wish));
    return group.run(healer.run(group.deadline()));
}

// Claiming free slots is timed, and slots of processes that have just ended are in use for another
// moment: on a busy machine it takes more than one attempt. None of them waits long; claims that
// nobody seems to follow up are watched once, at last, when little else is left.
constexpr unsigned most_attempts = 5;
constexpr Duration between_attempts = std::chrono::milliseconds(100);

Task<bool> pause(Clock& clock) {
    co_await clock.sleep(between_attempts);
    co_return true;
}

struct Repair {
    HealReport healed;
    RegisterReport registers;
    CheckReport after;
};

// Another process of this host may be claiming slots at this moment.
Result<HealReport> heal_patiently(OpenGroup& group, const QuorumRule& rule, const Host& host,
                                  const HealWish& wish) {
    const Instant patience = group.deadline();
    for (;;) {
        Result<HealReport> healed = heal(group, rule, host, wish);
        const bool busy = !healed && healed.error().code == Code::busy;
        if (!busy || group.world().clock.now() >= patience) return healed;
        group.run(pause(group.world().clock));
    }
}

// Registers of active disks: as any process would write them, and then some.
Result<RegisterReport> repair_registers(OpenGroup& group) {
    if (group.roster().active().empty()) return RegisterReport();
    if (auto seated = group.take_seat(); !seated) return std::unexpected(seated.error());
    RegisterHealer healer(group.group());
    return group.run(healer.run(group.timeout()));
}

Result<Repair> repair_slots(OpenGroup& group, const QuorumRule& rule, CheckReport before, Output& out) {
    const Result<node::ThisHost> host = node::this_host(group.roster().common.group);
    if (!host) return std::unexpected(host.error());
    if (!host->note.empty()) out.warn(host->note);
    Repair repair;
    repair.after = std::move(before);
    for (unsigned attempt = 1; attempt <= most_attempts; ++attempt) {
        const bool last = attempt == most_attempts;
        const bool only_barred = repair.healed.barred > 0 && repair.healed.not_now == 0;
        const HealWish wish{.slots = repair.after.hurt, .watch = last || only_barred};
        Result<HealReport> healed = heal_patiently(group, rule, host->host, wish);
        if (!healed) return std::unexpected(healed.error());
        healed->superblocks += repair.healed.superblocks;
        healed->slot_entries += repair.healed.slot_entries;
        healed->blocks += repair.healed.blocks;
        repair.healed = std::move(*healed);
        repair.after = check(group, rule);
        const HealReport& now = repair.healed;
        // A write that failed, and a watch, have taken their time: not again in this call.
        const bool over = wish.watch || now.unfinished || now.failed > 0;
        if (over || repair.after.sound() || now.not_now + now.barred == 0) break;
        group.run(pause(group.world().clock));
    }
    if (repair.after.sound()) repair.healed.left.clear();  // nothing of it was damaged
    return repair;
}

Result<Repair> repair_all(OpenGroup& group, const QuorumRule& rule, CheckReport before, Output& out) {
    Repair repair;
    if (group.roster().common.kinds() != DiskKinds::active) {
        auto slots = repair_slots(group, rule, std::move(before), out);
        if (!slots) return slots;
        repair = std::move(*slots);
    }
    if (group.roster().active().empty()) return repair;
    const auto registers = repair_registers(group);
    if (!registers) return std::unexpected(registers.error());
    repair.registers = *registers;
    if (group.roster().common.kinds() == DiskKinds::active) {  // last, as ever
        Healer healer(group.world(), group.roster(), rule, group.locks(), Host());
        auto healed = group.run(healer.run_without_slots());
        if (!healed) return std::unexpected(healed.error());
        repair.healed = std::move(*healed);
    }
    repair.after = check(group, rule);
    return repair;
}

}  // namespace

Result<int> run_check(const Invocation& call, Output& out) {
    const bool repair = call.has("repair");
    GroupWish wish;
    wish.access = repair ? io::Access::write : io::Access::read;
    wish.quorum = repair;  // a minority may be looked at, but never heals anything
    auto group = open_group(call, out, wish);
    if (!group) return std::unexpected(group.error());
    if (auto fine = adopt(**group, repair, out); !fine) {
        if (repair) return std::unexpected(fine.error());
        out.warn(fine.error().sentence);
    }
    const Threshold rule = Threshold::majority((*group)->roster().disks());
    CheckReport report = check(**group, rule);
    std::optional<HealReport> healed;
    std::optional<RegisterReport> registers;
    if (repair && !report.sound()) {
        Result<Repair> done = repair_all(**group, rule, report, out);
        if (!done) return std::unexpected(done.error());
        healed = std::move(done->healed);
        registers = done->registers;
        report = std::move(done->after);
        show(*healed, out);
        if (!(*group)->roster().active().empty()) show(*registers, out);
    }
    show(report, out);
    Json object = described(report);
    if (repair) object["repaired"] = healed ? described(*healed) : Json();
    if (registers) {
        object["repaired"]["registers"] = registers->restored;
        object["repaired"]["cells_written_again"] = registers->renewed;
    }
    out.object(std::move(object));
    return report.sound() ? 0 : exit_code(Code::no);
}

}  // namespace diskpaxos::cli
