#include "group/assemble.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <uuid/uuid.h>

#include <algorithm>

#include "base/errno_text.hpp"
#include "base/told_once.hpp"

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

namespace {

bool together(const Identity& a, const Identity& b) {
    return a.superblock->same_group(*b.superblock);
}

}  // namespace

Assembly::Assembly(World& world, std::vector<Disk*> disks, std::optional<Uuid> group)
    : world_(world), group_(group), fan_(world) {
    for (Disk* disk : disks) identities_.emplace_back(disk);
}

Task<Result<Roster>> Assembly::run(bool quorum_needed, Instant deadline) {
    for (std::size_t disk = 0; disk < identities_.size(); ++disk) fan_.start(identify(identities_[disk]));
    // Slowness is not absence: it goes on early only when a majority of the group is recognised, and
    // of those named as well.
    const std::function<bool()> enough = [this] {
        return std::ranges::any_of(identities_, [this](const Identity& one) {
            if (!one.answered || !wanted(one)) return false;
            const auto count = std::ranges::count_if(identities_, [&](const Identity& other) {
                return other.answered && wanted(other) && together(one, other);
            });
            const auto known = static_cast<std::size_t>(count);
            return known > one.superblock->disks.size() / 2 && known > identities_.size() / 2;
        });
    };
    co_await fan_.gather(enough, deadline);
    co_return judge(quorum_needed);
}

namespace {

// The second copy is at the end of what the group uses; if the first cannot be read, at the end
// of the disk, where `format` of a regular file has put it.
Task<void> identify_back(Identity& identity) {
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

}  // namespace

Task<void> identify(Identity& identity) {
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

namespace {

std::uint64_t bytes_of(const Identity& identity) {
    return identity.disk->blocks() * identity.disk->block_size();
}

std::string state_of(const Identity& identity) {
    if (!identity.answered) return "no answer";
    if (identity.error != 0) return errno_text(identity.error);
    if (bytes_of(identity) < 2 * superblock_area) {
        return fmt::format("it is too small: {} bytes", bytes_of(identity));
    }
    if (const auto& retired = identity.retired; retired && retired->first) {
        return fmt::format("host {} has begun to make group \"{}\" of it, and has not come to an end",
                           retired->host_name, retired->name);
    }
    if (const auto& retired = identity.retired) {
        return fmt::format(
            "retired: group \"{}\" was formatted over at {:%Y-%m-%d %H:%M:%S} UTC by host {}",
            retired->name, fmt::gmtime(static_cast<std::time_t>(retired->at_ms / 1000)),
            retired->host_name);
    }
    return fmt::format("superblock {}", describe(identity.front));
}

Error bad(std::string sentence) { return {Code::bad_data, std::move(sentence)}; }

Error newer_format(const Identity& identity) {
    return bad(fmt::format("{} has a newer format than this program knows; use a newer diskpaxos",
                           identity.disk->name()));
}

std::string apart(const Identity& a, const Identity& b) {
    if (a.superblock->group == b.superblock->group) {
        return fmt::format("{} and {} disagree about their group; one of them is an old copy",
                           a.disk->name(), b.disk->name());
    }
    return fmt::format("{} belongs to group {}, but {} to group {}", a.disk->name(),
                       uuid_text(a.superblock->group), b.disk->name(),
                       uuid_text(b.superblock->group));
}

// Why a disk of the group cannot be used as one; empty: it can.
std::string unfit(const Identity& identity, const Roster& roster) {
    const Geometry& geometry = roster.geometry(identity.superblock->index);
    if (geometry.active && !identity.disk->active()) {
        return "an active disk, which must be reached as one: through its agent, or as iscsi:// or "
               "scsi://";
    }
    if (!identity.disk->use_block_size(geometry.block_size)) {
        return fmt::format("its sectors have {} bytes, the group's blocks {}",
                           identity.disk->block_size(), geometry.block_size);
    }
    if (identity.disk->blocks() < geometry.blocks()) {
        return fmt::format("cut short to {} of {} bytes",
                           identity.disk->blocks() * geometry.block_size, geometry.bytes());
    }
    return {};
}

}  // namespace

// Of two disks with one number neither is used: one is a copy, perhaps an old one, and nothing on them
// tells which.
std::string why_no_place(const Identity& identity, const Identity* twin, const Roster& roster) {
    if (identity.newer()) return "a newer format than this program knows";
    if (!identity.superblock) return state_of(identity);
    if (!identity.superblock->same_group(roster.common)) {
        const bool foreign = identity.superblock->group != roster.common.group;
        return foreign ? fmt::format("belongs to group {}", uuid_text(identity.superblock->group))
                       : "disagrees with the others about the group; an old copy";
    }
    const std::size_t index = identity.superblock->index;
    if (twin != nullptr) {
        return fmt::format("{} says as well that it is disk {}: one is a copy, nothing tells which, "
                           "and neither is used",
                           twin->disk->name(), index + 1);
    }
    if (roster.disputed.contains(index)) {
        return fmt::format("two disks have said that they are disk {}: one is a copy, and neither is "
                           "used by this process",
                           index + 1);
    }
    if (roster.members[index] != nullptr) {
        return fmt::format("{} is disk {} already: one of the two is a copy", roster.members[index]->name(),
                           index + 1);
    }
    return unfit(identity, roster);
}

namespace {

// Gives a disk its place in the roster, or says why it has none.
std::string place(const Identity& identity, const Identity* twin, Roster& roster) {
    std::string why = why_no_place(identity, twin, roster);
    if (!identity.newer() && !identity.superblock && !identity.retired) {
        roster.strangers.push_back(identity);
    }
    if (!why.empty()) return why;
    roster.members[identity.superblock->index] = identity.disk;
    if (!identity.sound()) {
        roster.notes.push_back(fmt::format("{}: one of its two superblocks is damaged; run "
                                           "\"diskpaxos check --repair\"",
                                           identity.disk->name()));
    }
    return {};
}

// To make a group is the advice only where nothing stands on any of them, and no group was named that
// should be there.
Error no_group(const std::vector<Identity>& identities, const std::optional<Uuid>& wanted) {
    const Identity& any = identities.front();
    const bool silent = std::ranges::none_of(
        identities, [](const Identity& i) { return i.answered && i.error == 0; });
    const bool blank = std::ranges::all_of(identities, [](const Identity& i) {
        return i.answered && i.error == 0 && !i.retired && i.front == Damage::blank &&
               i.back == Damage::blank && bytes_of(i) >= 2 * superblock_area;
    });
    std::string sentence = fmt::format("no disk of a group among {} (first: {}, {})",
                                       identities.size(), any.disk->name(), state_of(any));
    if (wanted) sentence += fmt::format("; the group file names group {}", uuid_text(*wanted));
    else if (blank) sentence += "; \"diskpaxos format\" makes one";
    return {silent ? Code::no_quorum : Code::bad_data, std::move(sentence)};
}

}  // namespace

std::optional<std::size_t> Roster::only_missing() const {
    if (present() + 1 != disks()) return std::nullopt;
    return static_cast<std::size_t>(std::ranges::find(members, nullptr) - members.begin());
}

// One disk of the group to which most of those named belong, or why there is none.
Result<const Identity*> Assembly::group() const {
    const Identity* best = nullptr;
    const Identity* rival = nullptr;   // of another group, with as many disks
    const Identity* foreign = nullptr;  // of another group than the one that was named
    std::ptrdiff_t most = 0;
    for (const Identity& identity : identities_) {
        if (identity.known() && !wanted(identity)) foreign = &identity;
        if (!wanted(identity)) continue;
        const auto count = std::ranges::count_if(identities_, [&](const Identity& other) {
            return wanted(other) && together(identity, other);
        });
        if (best != nullptr && count == most && !together(identity, *best)) rival = &identity;
        if (count <= most) continue;
        most = count;
        best = &identity;
        rival = nullptr;
    }
    if (rival != nullptr) {
        return std::unexpected(bad(apart(*rival, *best) + "; name disks of one group only"));
    }
    const auto newer = std::ranges::find_if(identities_, &Identity::newer);
    if (best == nullptr && newer != identities_.end()) return std::unexpected(newer_format(*newer));
    if (best != nullptr) return best;
    if (foreign != nullptr) {
        return std::unexpected(Error{
            Code::other_group,
            fmt::format("{} belongs to group {}, and no disk is there of group {}, which the group "
                        "file names",
                        foreign->disk->name(), uuid_text(foreign->superblock->group),
                        uuid_text(*group_))});
    }
    return std::unexpected(no_group(identities_, group_));
}

namespace {

std::string why_aside(const Roster& roster) {
    std::vector<Trouble> troubles;
    for (const Aside& disk : roster.aside) troubles.push_back({disk.name, disk.why});
    const std::string text = fmt::format("{}", fmt::join(told_once(troubles), "; "));
    return text.empty() ? "" : fmt::format(" ({})", text);
}

}  // namespace

Result<Roster> Assembly::judge(bool quorum_needed) const {
    const Result<const Identity*> first = group();
    if (!first) return std::unexpected(first.error());
    Roster roster(*(*first)->superblock);
    bool others = false;
    for (const Identity& identity : identities_) {
        others = others || (identity.known() && !wanted(identity));
        const auto twin = std::ranges::find_if(identities_, [&](const Identity& other) {
            return &other != &identity && identity.known() && other.known() &&
                   together(identity, other) &&
                   identity.superblock->index == other.superblock->index;
        });
        const Identity* const its_twin = twin == identities_.end() ? nullptr : &*twin;
        std::string why = place(identity, its_twin, roster);
        const bool ours = identity.known() && together(identity, **first);
        if (ours && its_twin != nullptr) roster.disputed.insert(identity.superblock->index);
        if (why.empty()) continue;
        roster.aside.push_back({std::string(identity.disk->name()), std::move(why)});
    }
    for (std::size_t i = 0; i < roster.disks(); ++i) {
        roster.names.push_back(roster.members[i] != nullptr
                                   ? std::string(roster.members[i]->name())
                                   : fmt::format("disk {}", i + 1));
    }
    const std::string absent = why_aside(roster);
    const std::size_t needed = roster.disks() / 2 + 1;
    const auto newer = std::ranges::find_if(identities_, &Identity::newer);
    if (roster.present() < needed && newer != identities_.end()) {
        return std::unexpected(newer_format(*newer));
    }
    if (quorum_needed && roster.present() < needed) {
        return std::unexpected(Error{
            others ? Code::other_group : Code::no_quorum,
            fmt::format("{} of {} disks {} there, {} are needed{}; name or bring back the others",
                        roster.present(), roster.disks(), roster.present() == 1 ? "is" : "are", needed,
                        absent)});
    }
    if (roster.present() < roster.disks()) {
        roster.notes.push_back(fmt::format("only {} of {} disks of group {} {} in use{}",
                                           roster.present(), roster.disks(), roster.common.name,
                                           roster.present() == 1 ? "is" : "are", absent));
    } else if (!absent.empty()) {
        roster.notes.push_back(fmt::format("not all that was named is a disk of group {}{}",
                                           roster.common.name, absent));
    }
    return roster;
}

}  // namespace diskpaxos
