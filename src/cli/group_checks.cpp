// What `doctor` asks of the disks of a group. It writes nothing, so durable writes,
// which cost more than reads, are not measured.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "cli/doctor.hpp"
#include "cli/lock_view.hpp"
#include "cli/open_group.hpp"

namespace diskpaxos::cli {

namespace {

constexpr unsigned samples = 50;

Finding direct_io(const std::string& name, const io::DiskFacts& facts) {
    if (facts.direct) return {Health::ok, "o_direct", name, "yes", ""};
    return {Health::warn, "o_direct", name, "refused by the file system",
            "use a block device or another file system, unless all processes are on this host"};
}

Finding block_size(const std::string& name, const io::DiskFacts& facts, std::uint32_t ours) {
    const std::string found =
        fmt::format("logical {}, physical {}, the group's {}", facts.logical_block_size,
                    facts.physical_block_size, ours);
    const bool emulated = facts.block_device && ours < facts.physical_block_size;
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
    for (unsigned i = 0; i < samples && result.error == 0; ++i) {
        IoPtr io = disk.prepare(Io::Kind::read, Extent{}, geometry.row(i % geometry.cells));
        io = co_await Transfer(disk, std::move(io));
        result.error = io->error;
        result.nanoseconds.push_back(io->nanoseconds);
    }
    std::ranges::sort(result.nanoseconds);
    co_return result;
}

// A change is two visits, a claim must be done within TTL/20: reads alone should stay far below.
Finding latency(const std::string& name, const Latency& measured, Duration ttl) {
    if (measured.error != 0) {
        return {Health::fail, "read_latency", name, std::strerror(measured.error),
                "replace the disk, or see the kernel's log"};
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

Finding slots_left(OpenGroup& group, const Uuid& host) {
    const Threshold rule = Threshold::majority(group.roster().disks());
    SlotTableAccess table(group.world(), group.roster(), rule);
    if (!group.run(table.read(group.deadline()))) {
        return {Health::fail, "slots", "", "the slot table cannot be read on a majority",
                "bring back a disk, or run \"diskpaxos check\""};
    }
    unsigned ours = 0;
    unsigned free = 0;
    unsigned others = 0;
    const std::uint32_t slots = group.roster().common.geometry.slots;
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
        const SlotView view = table.view(slot);
        if (view.held_by(host)) ++ours;
        else if (view.known && view.owner.held()) ++others;
        else if (view.known) ++free;
    }
    const std::string found = fmt::format("{}: {} this host's, {} of other hosts, {} free", slots,
                                          ours, others, free);
    if (free > 0) return {Health::ok, "slots", "", found, ""};
    return {ours > 0 ? Health::warn : Health::fail, "slots", "", found,
            "no other host can join; make a group with more --slots"};
}

Finding disks_present(const Roster& roster) {
    const std::string found = fmt::format("{} of {}", roster.present(), roster.disks());
    if (roster.present() == roster.disks()) return {Health::ok, "disks", "", found, ""};
    const bool majority = roster.present() > roster.disks() / 2;
    return {majority ? Health::warn : Health::fail, "disks", "", found, "bring back the others"};
}

}  // namespace

std::vector<Finding> examine_group(const Invocation& call, Output& out) {
    std::vector<Finding> findings;
    auto opened = open_group(call, out, {.access = io::Access::read, .quorum = false});
    if (!opened) {
        findings.push_back({Health::fail, "group", "", opened.error().sentence,
                            "see the chapter on failures in docs/operating.md"});
        return findings;
    }
    OpenGroup& group = **opened;
    const Superblock& common = group.roster().common;
    findings.push_back(disks_present(group.roster()));
    for (const OpenGroup::Unopened& disk : group.unopened()) {
        findings.push_back({Health::warn, "open", disk.path, disk.error.sentence, "bring it back"});
    }
    for (const RealWorld::Member& member : group.real().members()) {
        const std::string& name = member.path;
        if (member.file) {
            const io::DiskFacts& facts = member.file->facts();
            findings.push_back(direct_io(name, facts));
            std::ranges::move(overlay(name, facts), std::back_inserter(findings));
            findings.push_back(block_size(name, facts, common.geometry.block_size));
            findings.push_back(write_cache(name, facts));
        }
        const auto disk = std::ranges::find(group.roster().members, member.disk.get());
        if (disk == group.roster().members.end()) continue;
        const auto index = static_cast<std::size_t>(disk - group.roster().members.begin());
        const Latency measured = group.run(measure(*member.disk, group.roster().geometry(index)));
        findings.push_back(latency(name, measured, std::chrono::milliseconds(common.ttl_ms)));
    }
    const Result<node::ThisHost> host = node::this_host(common.group);
    const bool slots = common.kinds() != DiskKinds::active;
    if (host && slots) findings.push_back(slots_left(group, host->host.id));
    return findings;
}

}  // namespace diskpaxos::cli
