#include "group/assemble.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <cstring>

namespace diskpaxos {

std::string uuid_text(const Uuid& uuid) {
    char text[UUID_STR_LEN];
    uuid_unparse_lower(reinterpret_cast<const unsigned char*>(uuid.data()), text);
    return text;
}

Roster::Roster(const Superblock& group) : common(group), members(group.disks.size()) {
    common.geometry.active = false;
    shapes.fill(common.geometry);
    shapes[1].active = true;
}

RowAddress Roster::row(std::size_t disk, std::uint32_t cell) const {
    return {common.group, Superblock::tag(common.disks[disk]), cell, &geometry(disk)};
}

DiskSet Roster::active() const {
    DiskSet set;
    for (std::size_t disk = 0; disk < disks(); ++disk) {
        if (common.is_active(disk)) set.insert(disk);
    }
    return set;
}

DiskSet Roster::passive() const {
    DiskSet set = DiskSet::first(disks());
    for (std::size_t disk = 0; disk < disks(); ++disk) {
        if (common.is_active(disk)) set.erase(disk);
    }
    return set;
}

std::size_t Roster::present() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(members, [](const Disk* disk) { return disk != nullptr; }));
}

Assembly::Assembly(World& world, std::vector<Disk*> disks, std::optional<Uuid> group)
    : world_(world), group_(group), fan_(world) {
    for (Disk* disk : disks) identities_.emplace_back(disk);
}

Task<Result<Roster>> Assembly::run(bool quorum_needed, Instant deadline) {
    for (std::size_t disk = 0; disk < identities_.size(); ++disk) fan_.start(identify(disk));
    // Slowness is not absence: it goes on early only when a majority of the group is recognised.
    const std::function<bool()> enough = [this] {
        std::size_t known = 0, disks = 0;
        for (const Identity& identity : identities_) {
            if (!identity.answered || !wanted(identity)) continue;
            ++known;
            disks = identity.superblock->disks.size();
        }
        return known > disks / 2;
    };
    co_await fan_.gather(enough, deadline);
    co_return judge(quorum_needed);
}

Task<void> Assembly::identify(std::size_t disk) {
    Identity& identity = identities_[disk];
    const std::uint64_t blocks = superblock_area / identity.disk->block_size();
    if (identity.disk->blocks() < 2 * blocks) {
        identity.front = identity.back = Damage::blank;
        identity.answered = true;
        co_return;
    }
    IoPtr io = identity.disk->prepare(Io::Kind::read, Extent{}, Extent{0, blocks});
    io = co_await Transfer(*identity.disk, std::move(io));
    if (io->error != 0) {
        identity.error = io->error;
    } else {
        auto front = decode_superblock(io->in.bytes(), 0);
        if (front) identity.superblock = std::move(*front);
        else identity.front = front.error();
        identity.retired = decode_retired(io->in.bytes(), 0);
        co_await identify_back(identity);
        if (identity.retired) identity.superblock.reset();
    }
    identity.answered = true;
}

// The second copy is at the end of what the group uses; if the first cannot be read, at the end
// of the disk, where `format` of a regular file has put it.
Task<void> Assembly::identify_back(Identity& identity) {
    const std::uint64_t size = identity.disk->block_size();
    const std::uint64_t bytes = identity.superblock ? identity.superblock->geometry.bytes()
                                                    : identity.disk->blocks() * size / 4096 * 4096;
    const Extent area{(bytes - superblock_area) / size, superblock_area / size};
    if (bytes > identity.disk->blocks() * size) {
        identity.back = Damage::blank;
        co_return;
    }
    IoPtr io = identity.disk->prepare(Io::Kind::read, Extent{}, area);
    io = co_await Transfer(*identity.disk, std::move(io));
    if (io->error != 0) {
        identity.back = Damage::checksum;
        co_return;
    }
    auto back = decode_superblock(io->in.bytes(), 1);
    if (!identity.retired) identity.retired = decode_retired(io->in.bytes(), 1);
    if (!back) {
        identity.back = back.error();
    } else if (!identity.superblock) {
        identity.superblock = std::move(*back);
    }
}

namespace {

std::string state_of(const Identity& identity) {
    if (!identity.answered) return "no answer";
    if (identity.error != 0) return std::strerror(identity.error);
    if (const auto& retired = identity.retired) {
        return fmt::format(
            "retired: group \"{}\" was formatted over at {:%Y-%m-%d %H:%M:%S} UTC by host {}",
            retired->name, fmt::gmtime(static_cast<std::time_t>(retired->at_ms / 1000)),
            retired->host_name);
    }
    return fmt::format("superblock {}", describe(identity.front));
}

Error bad(std::string sentence) { return {Code::bad_data, std::move(sentence)}; }

std::string of_which_group(const Identity& identity) {
    return fmt::format("belongs to group {}", uuid_text(identity.superblock->group));
}

}  // namespace

// The one group that all recognised disks belong to, or why there is none.
Result<const Identity*> Assembly::first_of_group() const {
    const Identity* first = nullptr;
    const Identity* other = nullptr;
    for (const Identity& identity : identities_) {
        // One newer copy is enough: the other one may be left from before an upgrade.
        if (identity.front == Damage::newer || identity.back == Damage::newer) {
            return std::unexpected(bad(fmt::format(
                "{} has a newer format than this program knows; use a newer diskpaxos",
                identity.disk->name())));
        }
        if (identity.superblock && !wanted(identity)) other = &identity;
        if (!wanted(identity)) continue;
        if (first == nullptr) first = &identity;
        if (identity.superblock->group != first->superblock->group) {
            return std::unexpected(bad(fmt::format(
                "{} belongs to group {}, but {} to group {}; name disks of one group only",
                identity.disk->name(), uuid_text(identity.superblock->group), first->disk->name(),
                uuid_text(first->superblock->group))));
        }
        if (!identity.superblock->same_group(*first->superblock)) {
            return std::unexpected(bad(fmt::format(
                "{} and {} disagree about their group; one of them is an old copy",
                identity.disk->name(), first->disk->name())));
        }
    }
    if (first == nullptr && other != nullptr) {
        return std::unexpected(
            Error{Code::other_group,
                  fmt::format("{} {}, and no disk is there of group {}, which the group file names",
                              other->disk->name(), of_which_group(*other), uuid_text(*group_))});
    }
    if (first == nullptr) {
        const Identity& any = identities_.front();
        const bool silent = std::ranges::none_of(
            identities_, [](const Identity& i) { return i.answered && i.error == 0; });
        return std::unexpected(
            Error{silent ? Code::no_quorum : Code::bad_data,
                  fmt::format(
                      "no disk of a group among {} (first: {}, {}); \"diskpaxos format\" makes one",
                      identities_.size(), any.disk->name(), state_of(any))});
    }
    return first;
}

namespace {

// Gives a disk its place in the roster. Not an error, but a reason: why it counts as absent.
Result<std::string> place(const Identity& identity, Roster& roster) {
    if (!identity.superblock) {
        if (!identity.retired) roster.strangers.push_back(identity);
        return state_of(identity);
    }
    if (identity.superblock->group != roster.common.group) return of_which_group(identity);
    Disk*& member = roster.members[identity.superblock->index];
    if (member != nullptr) {
        return std::unexpected(Error{
            Code::usage, fmt::format("{} and {} are the same disk (number {} of group {}); name "
                                     "each disk once",
                                     member->name(), identity.disk->name(),
                                     identity.superblock->index + 1, roster.common.name)});
    }
    const Geometry& geometry = roster.geometry(identity.superblock->index);
    if (geometry.active && !identity.disk->active()) {
        return std::unexpected(bad(fmt::format(
            "{} is an active disk of group {}; it must be reached as one: through its agent, or as "
            "iscsi:// or scsi://", identity.disk->name(), roster.common.name)));
    }
    if (!identity.disk->use_block_size(geometry.block_size)) {
        return std::unexpected(bad(fmt::format("{} cannot be used in blocks of {} bytes",
                                               identity.disk->name(), geometry.block_size)));
    }
    if (identity.disk->blocks() < geometry.blocks()) {
        return fmt::format("cut short to {} of {} bytes",
                           identity.disk->blocks() * geometry.block_size, geometry.bytes());
    }
    member = identity.disk;
    if (!identity.sound()) {
        roster.notes.push_back(fmt::format("{}: one of its two superblocks is damaged; run "
                                           "\"diskpaxos check --repair\"",
                                           identity.disk->name()));
    }
    return std::string();
}

}  // namespace

Result<Roster> Assembly::judge(bool quorum_needed) const {
    const Result<const Identity*> first = first_of_group();
    if (!first) return std::unexpected(first.error());
    Roster roster(*(*first)->superblock);
    std::string absent;
    bool others = false;
    for (const Identity& identity : identities_) {
        others = others || (identity.superblock && !wanted(identity));
        const Result<std::string> why_not = place(identity, roster);
        if (!why_not) return std::unexpected(why_not.error());
        if (why_not->empty()) continue;
        absent += fmt::format("{}{}: {}", absent.empty() ? "" : "; ", identity.disk->name(), *why_not);
    }
    for (std::size_t i = 0; i < roster.disks(); ++i) {
        roster.names.push_back(roster.members[i] != nullptr
                                   ? std::string(roster.members[i]->name())
                                   : fmt::format("disk {}", i + 1));
    }
    if (!absent.empty()) absent = " (" + absent + ")";
    const std::size_t needed = roster.disks() / 2 + 1;
    if (quorum_needed && roster.present() < needed) {
        return std::unexpected(Error{
            others ? Code::other_group : Code::no_quorum,
            fmt::format("{} of {} disks are there, {} are needed{}; name or bring back the others",
                        roster.present(), roster.disks(), needed, absent)});
    }
    if (roster.present() < roster.disks()) {
        roster.notes.push_back(fmt::format("only {} of {} disks of group {} are in use{}",
                                           roster.present(), roster.disks(), roster.common.name,
                                           absent));
    }
    return roster;
}

}  // namespace diskpaxos
