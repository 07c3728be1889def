// `check`: reads every block of every disk; with --repair, heals what a majority can heal.
#include <fmt/format.h>

#include <algorithm>

#include "cli/adopt_disks.hpp"
#include "cli/ceilings.hpp"
#include "cli/check_report.hpp"
#include "cli/give_up.hpp"
#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"
#include "group/slot_count.hpp"
#include "group/table_reader.hpp"

namespace diskpaxos::cli {

namespace {

CheckReport check(OpenGroup& group, const QuorumRule& rule) {
    Checker checker(group.world(), group.roster(), rule);
    return group.run(checker.run());
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

Task<bool> pause(Clock& clock, Duration time = between_attempts) {
    co_await clock.sleep(time);
    co_return true;
}

// Slots that nobody can use, though no block need be damaged: a repair of this host was cut short, or
// somebody's claim. One that is under way is over after the life of a claim (slots-R4).
bool any_left_behind(OpenGroup& group, const QuorumRule& rule) {
    if (group.roster().common.kinds() == DiskKinds::active) return false;
    const Result<node::ThisHost> host = node::this_host(group.roster().common.group);
    if (!host) return false;
    TableReader table(group.world(), group.roster(), rule);
    const auto look = [&] {
        const bool read = group.run(table.read(group.deadline()));
        return read ? count_slots(table.views()) : SlotCount();
    };
    SlotCount count = look();
    if (count.of(host->host.id).lent > 0) return true;
    if (count.barred == 0) return false;
    const Duration ttl = std::chrono::milliseconds(group.roster().common.ttl_ms);
    group.run(pause(group.world().clock, ClaimTiming::of(ttl).life()));
    count = look();
    return count.barred > 0;
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
        const bool busy = !healed && healed.error().code == Code::in_use;
        if (!busy || group.world().clock.now() >= patience) return healed;
        group.run(pause(group.world().clock));
    }
}

// Registers of active disks: as any process would write them, and then some.
Result<RegisterReport> repair_registers(OpenGroup& group) {
    if (group.roster().active().empty()) return RegisterReport();
    if (auto seated = group.take_seat(); !seated) return std::unexpected(seated.error());
    RegisterHealer healer(group.group(), node::unix_ms());
    return group.run(healer.run(group.timeout()));
}

// Registers that are behind are no fault, but the next one who needs that disk would have to walk it up.
bool behind(const CheckReport& report, const Roster& roster) {
    for (std::size_t disk = 0; disk < report.disks.size(); ++disk) {
        if (roster.common.is_active(disk) && report.disks[disk].stale > 0) return true;
    }
    return false;
}

// It may be half a minute, of which nothing else tells.
void tell_watch(Duration length, std::uint64_t slots, Output& out) {
    out.note(fmt::format(
        "watching {} for {}: what is damaged in the slot table, or claimed by somebody who seems to "
        "have ended, may be gone over once it has not changed for that long",
        counted(slots, "slot", "slots"), brief(std::max(length, Duration(0)))));
}

Result<Repair> repair_slots(OpenGroup& group, const QuorumRule& rule, CheckReport before,
                            std::optional<std::uint32_t> given_up, bool left_behind, Output& out) {
    const Result<node::ThisHost> host = node::this_host(group.roster().common.group);
    if (!host) return std::unexpected(host.error());
    if (!host->note.empty()) out.warn(host->note);
    Repair repair;
    repair.after = std::move(before);
    for (unsigned attempt = 1; attempt <= most_attempts; ++attempt) {
        const bool last = attempt == most_attempts;
        const bool only_barred = repair.healed.barred > 0 && repair.healed.not_now == 0;
        const HealWish wish{.slots = repair.after.hurt, .watch = last || only_barred,
                            .give_up = given_up,
                            .watching = [&out](Duration length, std::uint64_t slots) {
                                tell_watch(length, slots, out);
                            }};
        Result<HealReport> healed = heal_patiently(group, rule, host->host, wish);
        if (!healed) return std::unexpected(healed.error());
        healed->superblocks += repair.healed.superblocks;
        healed->slot_entries += repair.healed.slot_entries;
        healed->blocks += repair.healed.blocks;
        healed->settled += repair.healed.settled;
        repair.healed = std::move(*healed);
        repair.after = check(group, rule);
        const HealReport& now = repair.healed;
        // A write that failed, and a watch, have taken their time: not again in this call.
        const bool over = wish.watch || now.unfinished || now.failed > 0;
        const bool enough = repair.after.sound() && !left_behind;
        if (over || enough || now.not_now + now.barred == 0) break;
        group.run(pause(group.world().clock));
    }
    // Nothing of it was damaged.
    if (repair.after.sound() && !left_behind) repair.healed.left.clear();
    return repair;
}

Result<Repair> repair_all(OpenGroup& group, const QuorumRule& rule, CheckReport before,
                          std::optional<std::uint32_t> given_up, bool left_behind, Output& out) {
    Repair repair;
    if (group.roster().common.kinds() != DiskKinds::active) {
        auto slots = repair_slots(group, rule, std::move(before), given_up, left_behind, out);
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

void put_registers(Json& repaired, const RegisterReport& registers) {
    repaired["registers"] = registers.restored;
    repaired["cells_written_again"] = registers.renewed;
    repaired["without_room"] = registers.no_room;
    repaired["registers_forbidden"] = registers.forbidden;
}

}  // namespace

Result<int> run_check(const Invocation& call, Output& out) {
    const bool repair = call.has("repair");
    const auto replaced = disk_to_replace(call);
    if (!replaced) return std::unexpected(replaced.error());
    const std::optional<std::string> lost = call.text("give-up");
    if (lost && !repair) return usage("--give-up goes with --repair");
    GroupWish wish;
    wish.access = repair ? io::Access::write : io::Access::read;
    wish.quorum = repair;  // a minority may be looked at, but never heals anything
    auto group = open_group(call, out, wish);
    if (!group) return std::unexpected(group.error());
    if (auto fine = adopt_disks(**group, *replaced, call, out); !fine) {
        return std::unexpected(fine.error());
    }
    const Threshold rule = Threshold::majority((*group)->roster().disks());
    CheckReport report = check(**group, rule);
    std::optional<HealReport> healed;
    std::optional<RegisterReport> registers;
    std::optional<GivenUp> given_up;
    if (lost) {
        const Result<GivenUp> given = give_up(**group, *lost, call, out);
        if (!given) return std::unexpected(given.error());
        given_up = *given;
    }
    const bool left_behind = repair && any_left_behind(**group, rule);
    if (repair && (!report.sound() || left_behind)) {
        const auto cell = given_up ? std::optional(given_up->cell) : std::nullopt;
        Result<Repair> done = repair_all(**group, rule, report, cell, left_behind, out);
        if (!done) return std::unexpected(done.error());
        out.changed();
        healed = std::move(done->healed);
        registers = done->registers;
        report = std::move(done->after);
    }
    if (repair && !registers && behind(report, (*group)->roster())) {
        auto lifted = repair_registers(**group);  // ceiling-C2
        if (!lifted) return std::unexpected(lifted.error());
        registers = *lifted;
        report = check(**group, rule);
    }
    if (given_up && healed) {  // it has written over damage itself, before the healers came
        const bool active = (*group)->roster().common.kinds() == DiskKinds::active;
        (active ? registers->restored : healed->blocks) += given_up->mended;
    }
    if (healed || registers) {
        show(healed.value_or(HealReport()), registers.value_or(RegisterReport()), out);
    }
    show(report, unused_disks(**group), out);
    Json object = described(report);
    show_ceilings(**group, out, object);
    if (repair) object["repaired"] = healed ? described(*healed) : Json();
    if (registers) put_registers(object["repaired"], *registers);
    if (given_up) object["given_up"] = {{"name", *lost}, {"version", given_up->version}};
    out.object(std::move(object));
    if (registers && registers->forbidden > 0) return exit_code(Code::permission);
    if (!report.sound()) return exit_code(Code::no);
    // What we may not see cannot be called sound.
    return report.votes.unseen_cells() > 0 ? exit_code(Code::permission) : 0;
}

}  // namespace diskpaxos::cli
