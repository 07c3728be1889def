#include "cli/adopt_disks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/ask.hpp"
#include "cli/existing.hpp"
#include "group/adopt.hpp"

namespace diskpaxos::cli {

namespace {

std::vector<std::string> content_of(OpenGroup& group, const Disk& disk) {
    for (const RealWorld::Member& member : group.real().members()) {
        if (member.disk.get() != &disk) continue;
        return member.file ? existing_content(*member.file)
                           : group.run(existing_content(*member.disk));
    }
    return {};
}

// What must not be overwritten on a disk that is ours by elimination only.
Result<void> refuse_content(OpenGroup& group, const Disk& disk) {
    const std::vector<std::string> found = content_of(group, disk);
    if (found.empty()) return {};
    return std::unexpected(
        Error{Code::usage, fmt::format("nothing on {} says that it is the missing disk of the group, "
                                       "and it holds {}; if it is to be, wipe it first",
                                       disk.name(), fmt::join(found, ", "))});
}

Task<bool> front_is_sound(Disk& disk) {
    Identity identity(&disk);
    co_await identify(identity);
    co_return identity.superblock.has_value() && identity.front == Damage::none;
}

// A member by its second superblock, or by some block, on which somebody has made something else
// since: that is how a disk looks that was given away.
Result<void> refuse_given_away(OpenGroup& group) {
    const Roster& roster = group.roster();
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        Disk* const device = roster.members[disk];
        if (device == nullptr || group.run(front_is_sound(*device))) continue;
        const std::vector<std::string> found = foreign_of(content_of(group, *device));
        if (found.empty()) continue;
        return std::unexpected(Error{
            Code::usage,
            fmt::format("{0} was disk {1} of the group, and holds {2} now; nothing was written; if "
                        "that may be lost, wipe it first (\"wipefs --all {0}\")",
                        roster.names[disk], disk + 1, fmt::join(found, ", "))});
    }
    return {};
}

std::string missing(const Roster& roster) {
    std::string numbers;
    for (std::size_t disk = 0; disk < roster.disks(); ++disk) {
        if (roster.members[disk] != nullptr) continue;
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", disk + 1);
    }
    return numbers;
}

void tell_left(const std::vector<Adoption::Left>& left, const Roster& roster, Output& out) {
    const std::optional<std::size_t> only = roster.only_missing();
    for (const Adoption::Left& disk : left) {
        std::string text = fmt::format("{} is left alone: {}", disk.name, disk.why);
        if (disk.blank && roster.present() < roster.disks()) {
            text += fmt::format(
                "; disk {} is absent, and if that one is gone for good, \"diskpaxos check --repair "
                "--replace {} --old-is-gone\" gives this one its place",
                missing(roster), only ? fmt::format("{}", *only + 1) : "N");
        }
        out.warn(text);
    }
}

// What is not agreed by anybody, only said by one person, must be said with its danger: nothing on
// the other disks will tell the old one from the new one.
std::string danger(const Roster& roster, std::size_t disk) {
    return fmt::format(
        "{} gets the number and the UUID of disk {} of group {}; if the old disk {} is ever used "
        "again, by a process that still has it open or through another group file, the group "
        "splits: the old one makes a majority without the new one, changes that were acknowledged "
        "are lost, and two processes hold one lock with one token",
        roster.names[disk], disk + 1, roster.common.name, disk + 1);
}

// A `format` was interrupted there, or has just begun: that is not blank.
std::string retired(OpenGroup& group) {
    std::string text;
    for (const RealWorld::Member& member : group.real().members()) {
        const Membership was = member.file ? membership(*member.file)
                                           : group.run(membership(*member.disk));
        if (!was.retired) continue;
        text += fmt::format(
            "; {0} is retired: host {1} has begun to format it over and not come to an end; if none "
            "is at it any more, overwrite all of it with zeros (\"shred -n 0 -z {0}\"), and it is "
            "blank",
            member.disk->name(), printable(was.retired->host_name));
    }
    return text;
}

Error not_replaced(OpenGroup& group, std::size_t disk, const Adoption::Outcome& outcome) {
    const Roster& roster = group.roster();
    if (roster.members[disk] != nullptr) {
        return {Code::usage, fmt::format("disk {} is there: {}; nothing was replaced", disk + 1,
                                         roster.names[disk])};
    }
    const auto blank = std::ranges::count(outcome.left, true, &Adoption::Left::blank);
    if (blank > 1) {
        return {Code::usage, fmt::format("{} blank disks are named, and only one can be disk {}; "
                                         "name one of them",
                                         blank, disk + 1)};
    }
    std::string text = fmt::format("no blank disk is named that could be disk {}", disk + 1);
    for (const Adoption::Left& left : outcome.left) {
        text += fmt::format("; {}: {}", left.name, left.why);
    }
    return {Code::usage, text + retired(group)};
}

}  // namespace

Result<std::optional<std::size_t>> disk_to_replace(const Invocation& call) {
    const auto number = call.number("replace", 0, 1, max_disks);
    if (!number) return std::unexpected(number.error());
    const bool gone = call.has("old-is-gone");
    if (*number == 0 && gone) return usage("--old-is-gone goes with --replace N");
    if (*number == 0) return std::optional<std::size_t>();
    if (!call.has("repair")) return usage("--replace goes with --repair");
    if (!gone) {
        return usage(
            fmt::format("--replace {0} needs --old-is-gone: if the old disk {0} is ever "
                        "used again, the group splits",
                        *number));
    }
    return std::optional<std::size_t>(static_cast<std::size_t>(*number - 1));
}

Result<void> adopt_disks(OpenGroup& group, std::optional<std::size_t> replaced,
                         const Invocation& call, Output& out) {
    Roster& roster = group.roster();
    if (replaced && *replaced >= roster.disks()) {
        return usage(fmt::format("group {} has no disk {}; its disks are 1 to {}",
                                 roster.common.name, *replaced + 1, roster.disks()));
    }
    const bool was_there = replaced && roster.members[*replaced] != nullptr;
    if (was_there) return std::unexpected(not_replaced(group, *replaced, {}));
    Adoption adoption(group.world(), roster, replaced);
    const Adoption::Outcome outcome = group.run(adoption.run());
    if (replaced && roster.members[*replaced] == nullptr) {
        return std::unexpected(not_replaced(group, *replaced, outcome));
    }
    for (const Adoption::Adopted& disk : outcome.adopted) {
        if (!disk.by_word) {
            out.warn(fmt::format("{} is disk {} of the group, as a block on it says",
                                 roster.names[disk.index], disk.index + 1));
            continue;
        }
        if (auto fine = refuse_content(group, *roster.members[disk.index]); !fine) return fine;
        const std::string text = danger(roster, disk.index);
        if (auto fine = ask(text, call); !fine) return fine;
        out.warn(text);
    }
    if (call.has("repair")) {
        if (auto fine = refuse_given_away(group); !fine) return fine;
    }
    tell_left(outcome.left, roster, out);
    group.lock_active_disks();
    return {};
}

}  // namespace diskpaxos::cli
