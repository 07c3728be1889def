// What `doctor` asks of the disks of a group. It writes nothing, so durable writes,
// which cost more than reads, are not measured.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/errno_text.hpp"
#include "base/told_once.hpp"
#include "cli/ceilings.hpp"
#include "cli/doctor.hpp"
#include "cli/hosts.hpp"
#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"
#include "lock/survey.hpp"

namespace diskpaxos::cli {

namespace {

constexpr unsigned samples = 50;

Finding direct_io(const std::string& name, const io::DiskFacts& facts) {
    if (facts.direct) return {Health::ok, "o_direct", name, "yes", ""};
    return {Health::warn, "o_direct", name, "refused by the file system",
            "use a block device or another file system, unless all processes are on this host"};
}

Finding block_size(const std::string& name, const io::DiskFacts& facts, std::uint32_t ours) {
    const std::uint32_t physical = facts.physical_block_size;
    const std::string found = fmt::format("logical {}, physical {}, the group's {}",
                                          facts.logical_block_size,
                                          physical == 0 ? "not known" : std::to_string(physical), ours);
    const bool emulated = ours < physical;
    if (!emulated) return {Health::ok, "block_size", name, found, ""};
    return {Health::warn, "block_size", name,
            found + ": the drive rewrites a whole sector for each block, and a power cut can tear "
                    "its neighbours",
            "format with --block-size 4096"};
}

std::vector<Finding> overlay(const std::string& name, const io::DiskFacts& facts) {
    if (!facts.overlay) return {};
    return {{Health::warn, "overlay", name,
             "it lies on overlayfs: whoever mounts the same layer elsewhere may write to another "
             "file, and hold the same locks",
             "use a volume or a device"}};
}

Finding write_cache(const std::string& name, const io::DiskFacts& facts) {
    const char* fua = !facts.fua ? "FUA not known" : *facts.fua ? "FUA" : "no FUA";
    switch (facts.write_cache) {
        case io::WriteCache::write_through:
            return {Health::ok, "write_cache", name, "write through", ""};
        case io::WriteCache::write_back:
            return {
                Health::ok, "write_cache", name,
                fmt::format("write back, {}{}", fua,
                            facts.fua && !*facts.fua ? ": each durable write costs a flush" : ""),
                ""};
        case io::WriteCache::unknown: break;
    }
    return {Health::warn, "write_cache", name, fmt::format("not known, {}", fua),
            "make sure that a power cut cannot lose what the disk has acknowledged"};
}

struct Latency {
    std::vector<std::uint64_t> nanoseconds;
    int error = 0;
};

Task<Latency> measure(Disk& disk, Geometry geometry) {
    Latency result;
    bool forbidden = false;  // a register that is not for us: the superblock is for all to see
    for (unsigned i = 0; i < samples && result.error == 0; ++i) {
        const Extent row = forbidden ? Extent{geometry.superblock_first(), 1}
                                     : geometry.row(i % geometry.cells);
        IoPtr io = disk.prepare(Io::Kind::read, Extent{}, row);
        io = co_await Transfer(disk, std::move(io));
        const bool not_for_us = disk.active() && !forbidden && not_shown(io->error);
        forbidden = forbidden || not_for_us;
        if (not_for_us) continue;
        result.error = io->error;
        result.nanoseconds.push_back(io->nanoseconds);
    }
    std::ranges::sort(result.nanoseconds);
    co_return result;
}

// A change is two visits, a claim must be done within TTL/20: reads alone should stay far below.
Finding latency(const std::string& name, const Latency& measured, Duration ttl) {
    if (measured.error != 0) {
        return {Health::fail, "read_latency", name, errno_text(measured.error),
                is_own_fault(measured.error) ? "" : "replace the disk, or see the kernel's log"};
    }
    const auto at = [&](std::size_t percent) {
        return Duration(measured.nanoseconds[(measured.nanoseconds.size() - 1) * percent / 100]);
    };
    const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    const std::string found = fmt::format(
        "{} reads of a row: p50 {:.2f} ms, p99 {:.2f} ms, longest {:.2f} ms; TTL {} "
        "(durable writes are not measured)",
        samples, ms(at(50)), ms(at(99)), ms(at(100)), brief(ttl));
    const Duration bound = ClaimTiming::of(ttl).bound;
    if (at(100) < bound / 5) return {Health::ok, "read_latency", name, found, ""};
    return {at(50) < bound ? Health::warn : Health::fail, "read_latency", name, found,
            "format with a longer --ttl, or find out what else keeps the disk busy"};
}

// What was cut short keeps slots from everybody until the host that began it comes to an end with it.
std::vector<std::string> slots_cut_short(const SlotCount& count, const Uuid& us) {
    std::vector<std::string> remedies;
    for (const auto& [id, host] : count.hosts) {
        if (host.lent == 0) continue;
        const std::string where = id == us ? "on this host" : "on host " + count.call(id);
        remedies.push_back(
            fmt::format("unless a \"diskpaxos check --repair\" is at work {0}, one was cut short: run "
                        "it again {0}",
                        where));
    }
    if (count.barred > 0) {
        remedies.emplace_back("a claim that stays is of a process that has ended: \"diskpaxos check "
                              "--repair\" sets it aside");
    }
    return remedies;
}

Finding slots_left(OpenGroup& group, const Uuid& us) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    TableReader table(group.world(), group.roster(), rule);
    if (!group.run(table.read(group.deadline()))) {
        return {Health::fail, "slots", "", "the slot table cannot be read on a majority",
                "bring back a disk, or run \"diskpaxos check\""};
    }
    const SlotCount count = count_slots(table.views());
    const SlotCount::Host ours = count.of(us), others = count.others(us);
    std::string found = fmt::format("{}: {} this host's, {} of other hosts",
                                    group.roster().common.geometry.slots, ours.owned, others.owned);
    if (ours.lent > 0) found += fmt::format(", {} for healing by this host", ours.lent);
    if (others.lent > 0) found += fmt::format(", {} for healing by others", others.lent);
    found += ", " + free_text(count);
    std::vector<std::string> remedies = slots_cut_short(count, us);
    const bool none = count.free + count.barred + ours.lent == 0;
    if (none) {
        remedies.push_back(fmt::format(
            "{}: \"diskpaxos hosts\" shows the owners, \"diskpaxos hosts forget HOST --is-off\" frees "
            "the slots of one that is off for good",
            ours.owned > 0 ? "no other host can join" : "this host cannot join"));
    }
    if (remedies.empty()) return {Health::ok, "slots", "", found, ""};
    const bool can_join = ours.owned + ours.lent + count.free + count.barred > 0;
    return {can_join ? Health::warn : Health::fail, "slots", "", found,
            fmt::format("{}", fmt::join(remedies, "; "))};
}

Finding disks_present(const Roster& roster) {
    const std::string found = fmt::format("{} of {}", roster.present(), roster.disks());
    if (roster.present() == roster.disks()) return {Health::ok, "disks", "", found, ""};
    const bool majority = roster.present() > roster.disks() / 2;
    return {majority ? Health::warn : Health::fail, "disks", "", found, "bring back the others"};
}

// What was named and is not used, and why.
void not_in_use(const OpenGroup& group, const Roster& roster, std::vector<Finding>& findings) {
    for (const OpenGroup::Unopened& disk : group.unopened()) {
        const bool forbidden = disk.error.code == Code::permission;
        findings.push_back({Health::warn, "open", disk.path,
                            trouble_of(disk.path, disk.error.sentence).why,
                            forbidden ? "give this user the right, or run it as another one"
                                      : "bring it back"});
    }
    for (const Aside& disk : roster.aside) {
        findings.push_back({Health::warn, "open", disk.name, "not used: " + disk.why,
                            "bring back the right one, or see \"diskpaxos check\""});
    }
}

// Everything but looking needs to write: what opens for reading only is of no use for that.
void writable(OpenGroup& group, const Roster& roster, std::vector<Finding>& findings) {
    std::vector<Finding> refused;
    std::size_t fine = 0;
    for (const RealWorld::Member& member : group.real().members()) {
        if (std::ranges::find(roster.members, member.disk.get()) == roster.members.end()) continue;
        const auto opened = member.file ? io::OpenDisk::open(member.path, io::Access::write)
                                        : Result<std::unique_ptr<io::OpenDisk>>(nullptr);
        if (opened) ++fine;
        else refused.push_back({Health::warn, "writable", member.path,
                                trouble_of(member.path, opened.error().sentence).why,
                                "until then this user can look, and no more"});
    }
    const bool majority = fine > roster.disks() / 2;
    for (Finding& finding : refused) {
        if (!majority) finding.health = Health::fail;
        else finding.remedy = "until then what this user changes has one disk less to stand on";
        findings.push_back(std::move(finding));
    }
    if (refused.empty()) {
        findings.push_back({majority ? Health::ok : Health::fail, "writable", "",
                            fmt::format("{} of {} disks", fine, roster.disks()),
                            majority ? "" : "bring back the others"});
    }
}

// What the next loss would meet.
void redundancy(OpenGroup& group, std::vector<Finding>& findings) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    Surveyor surveyor(group.world(), group.roster(), rule);
    const Survey survey = group.run(surveyor.run(group.deadline()));
    const Redundancy& votes = survey.votes;
    for (std::size_t disk = 0; disk < survey.disks.size(); ++disk) {
        if (!survey.disks[disk].present || votes.votes_for_all(disk)) continue;
        const std::string slots =
            votes.slots.empty() ? ""
                                : fmt::format(" and {} of {}", votes.slots_of(disk),
                                              counted(votes.slots.size(), "slot", "slots"));
        findings.push_back({Health::warn, "votes", survey.disks[disk].name,
                            fmt::format("votes for {} of {}{}", votes.cells_of(disk),
                                        counted(votes.cells.size(), "cell", "cells"), slots),
                            "run \"diskpaxos check --repair\""});
    }
    const std::uint64_t bare = votes.bare_cells() + votes.bare_slots();
    const std::uint64_t lost = votes.lost_cells() + votes.lost_slots();
    const std::uint64_t unseen = votes.unseen_cells();
    const bool all_there = std::ranges::all_of(
        survey.disks, [](const SurveyedDisk& disk) { return disk.answered && disk.error == 0; });
    const std::string left_out =
        unseen == 0 ? "" : fmt::format("; {} not for us to see", counted(unseen, "cell is", "cells are"));
    if (lost > 0) {
        findings.push_back(
            {Health::fail, "redundancy", "",
             fmt::format("no majority for {}{}", cells_and_slots(votes.lost_cells(), votes.lost_slots()),
                         left_out),
             all_there ? "\"diskpaxos check --repair\" heals what it can; \"diskpaxos check\" names what "
                         "it cannot, and \"diskpaxos check --repair --give-up NAME\" lets go of that"
                       : "bring back disks, then \"diskpaxos check --repair\""});
    } else if (votes.level() == Redundancy::Level::unseen) {
        findings.push_back({Health::warn, "redundancy", "", "too much of it is not for us to see",
                            "ask who may see all of it"});
    } else if (bare > 0) {
        findings.push_back(
            {Health::warn, "redundancy", "",
             fmt::format("no vote to spare for {}: the next loss stops them{}",
                         cells_and_slots(votes.bare_cells(), votes.bare_slots()), left_out),
             votes.disks == 1 ? "format with three disks" : "bring back disks, or repair them"});
    } else {
        const bool full = votes.level() == Redundancy::Level::full;
        findings.push_back({full ? Health::ok : Health::warn, "redundancy", "",
                            (full ? "every disk votes for every cell and slot"
                                  : "not every disk votes for every cell and slot") +
                                left_out,
                            full ? "" : "bring back disks, or repair them"});
    }
}

}  // namespace

std::vector<Finding> examine_group(const Invocation& call, Output& out) {
    std::vector<Finding> findings;
    auto opened = open_group(call, out, {.access = io::Access::read, .quorum = false});
    if (!opened) {
        const bool forbidden = opened.error().code == Code::permission;
        findings.push_back({Health::fail, "group", "", opened.error().sentence,
                            forbidden ? "give this user the right, or run it as another one"
                                      : "see the chapter on failures in docs/operating.md"});
        return findings;
    }
    OpenGroup& group = **opened;
    const Roster& roster = group.roster();
    const Superblock& common = roster.common;
    findings.push_back(disks_present(roster));
    not_in_use(group, roster, findings);
    writable(group, roster, findings);
    for (const RealWorld::Member& member : group.real().members()) {
        const std::string& name = member.path;
        if (member.file) {
            const io::DiskFacts& facts = member.file->facts();
            findings.push_back(direct_io(name, facts));
            std::ranges::move(overlay(name, facts), std::back_inserter(findings));
            findings.push_back(block_size(name, facts, common.geometry.block_size));
            findings.push_back(write_cache(name, facts));
        }
        const auto disk = std::ranges::find(roster.members, member.disk.get());
        if (disk == roster.members.end()) continue;
        const auto index = static_cast<std::size_t>(disk - roster.members.begin());
        const Latency measured = group.run(measure(*member.disk, roster.geometry(index)));
        findings.push_back(latency(name, measured, std::chrono::milliseconds(common.ttl_ms)));
    }
    redundancy(group, findings);
    const Result<node::ThisHost> host = node::this_host(common.group);
    const bool slots = common.kinds() != DiskKinds::active;
    std::ranges::move(examine_ceilings(group), std::back_inserter(findings));
    if (host && slots) findings.push_back(slots_left(group, host->host.id));
    return findings;
}

}  // namespace diskpaxos::cli
