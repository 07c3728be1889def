#include "node/open_group.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "lock/hosts.hpp"
#include "node/lock_file.hpp"

namespace diskpaxos::node {

namespace {

// Then a person is told what is waited for.
constexpr Duration slow_opening = std::chrono::seconds(2);
constexpr Duration slow_seat = std::chrono::seconds(5);

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

}  // namespace

Result<void> refuse_twins(const std::vector<RealWorld::Member>& members) {
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (!same_disk(members[i], members[j])) continue;
            return usage(fmt::format("{} and {} are the same disk; name each disk once",
                                     members[j].path, members[i].path));
        }
    }
    return {};
}

Result<std::unique_ptr<OpenGroup>> OpenGroup::open(OpenOptions options) {
    if (options.disks.empty()) return usage("no disks are named");
    auto real = RealWorld::make(options.backend, options.warn);
    if (!real) return std::unexpected(real.error());
    std::unique_ptr<OpenGroup> group(new OpenGroup(std::move(*real), std::move(options)));
    Scope telling(group->world().queue);  // ends with the opening
    telling.spawn(group->tell_after(
        slow_opening,
        fmt::format("some disks do not answer yet; they are waited for, up to {:.0f} s",
                    std::chrono::duration<double>(group->timeout()).count())));
    if (auto fine = group->open_disks(); !fine) return std::unexpected(fine.error());
    if (auto fine = group->assemble(); !fine) return std::unexpected(fine.error());
    return group;
}

Task<void> OpenGroup::tell_after(Duration time, std::string what) const {
    Clock& clock = real_->loop();
    co_await clock.sleep(time);
    options_.warn(what);
}

Result<void> OpenGroup::open_disks() {
    const std::size_t half = options_.disks.size() / 2;
    auto active = real_->open_urls(options_.disks, options_.timeout, half);
    for (std::size_t i = 0; i < options_.disks.size(); ++i) {
        const std::string& name = options_.disks[i];
        const Result<void> opened = open_disk(name, active[i]);
        if (!opened) unopened_.push_back({name, opened.error()});
        else if (auto once = drop_twin(); !once) unopened_.push_back({name, once.error()});
    }
    for (const RealWorld::Member& member : real_->members()) {
        if (member.file) locks_.add(*member.disk, *member.file);
    }
    if (!real_->members().empty()) return {};
    Error error = unopened_.front().error;
    if (unopened_.size() > 1) error.sentence = why_unopened();
    return std::unexpected(std::move(error));
}

// Of two names of one disk the first counts. It is the same storage, so that no choice is made.
Result<void> OpenGroup::drop_twin() {
    const RealWorld::Member& last = real_->members().back();
    for (const RealWorld::Member& other : real_->members()) {
        if (&other == &last || !same_disk(other, last)) continue;
        Error error{Code::usage, fmt::format("{} and {} are the same disk; name each disk once",
                                             other.path, last.path)};
        real_->drop_last();
        return std::unexpected(std::move(error));
    }
    return {};
}

Result<void> OpenGroup::open_disk(const std::string& name,
                                  std::optional<Result<ActiveDisk>>& active) {
    if (active) {
        if (!*active) return std::unexpected(active->error());
        real_->add(name, std::move(**active), options_.before);
        return {};
    }
    auto file = io::OpenDisk::open(name, options_.access);
    if (!file) return std::unexpected(file.error());
    real_->add(std::move(*file), options_.before);
    return {};
}

std::vector<Trouble> OpenGroup::troubles() const {
    std::vector<Trouble> all;
    for (const Unopened& disk : unopened_) {
        all.push_back(trouble_of(disk.path, disk.error.sentence));
    }
    return all;
}

std::string OpenGroup::why_unopened() const {
    return fmt::format("{}", fmt::join(told_once(troubles()), "; "));
}

// Without the disks that could not be opened there may be no majority: then they are the reason.
Error OpenGroup::explained(Error error) const {
    if (unopened_.empty() || error.code != Code::no_quorum) return error;
    error.sentence += fmt::format(" ({})", why_unopened());
    for (const Code code : {Code::permission, Code::usage}) {  // where that is the only reason
        const auto is_it = [code](const Unopened& disk) { return disk.error.code == code; };
        if (std::ranges::all_of(unopened_, is_it)) error.code = code;
    }
    return error;
}

Result<void> OpenGroup::assemble() {
    std::vector<Disk*> disks;
    for (const RealWorld::Member& member : real_->members()) disks.push_back(member.disk.get());
    Assembly assembly(world(), disks, options_.group);
    Result<Roster> roster = run(assembly.run(options_.quorum, deadline()));
    if (!roster) return std::unexpected(explained(roster.error()));
    roster_ = std::move(*roster);
    if (options_.disks.size() > roster_.disks()) {
        return usage(fmt::format("{} disks are named, but group {} has {}; name its own disks only",
                                 options_.disks.size(), roster_.common.name, roster_.disks()));
    }
    for (const std::string& sentence : told_once(troubles())) options_.warn(sentence);
    for (const std::string& note : roster_.notes) options_.warn(note);
    for (const RealWorld::Member& member : real_->members()) {
        if (member.file && !member.file->facts().direct) {
            options_.warn(
                fmt::format("{}: its file system has no O_DIRECT, so only processes of this "
                            "host see the same content",
                            member.path));
        }
    }
    lock_active_disks();
    return {};
}

void OpenGroup::lock_active_disks() {
    const bool slots = roster_.common.kinds() == DiskKinds::mixed;
    if (!slots || options_.access == io::Access::read) return;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        Disk* device = roster_.members[disk];
        if (device == nullptr || !device->active() || locks_.has(*device)) continue;
        const Result<void> locked = lock_active_disk(disk, *device);
        // No slot is borrowed there: the others must suffice.
        if (!locked) options_.warn(locked.error().sentence);
    }
}

Result<void> OpenGroup::lock_active_disk(std::size_t index, Disk& disk) {
    auto file = open_lock_file(roster_.common.disks[index]);
    if (!file) return std::unexpected(file.error());
    locks_.add(disk, **file);
    lock_files_.push_back(std::move(*file));
    return {};
}

// ---- disks that come later ----

Task<void> OpenGroup::await_absent(Group& group, Event& end) {
    Latecomers::Wish wish{.names = {},
                          .access = options_.access,
                          .timeout = options_.timeout,
                          .warn = options_.warn};
    for (const std::string& name : options_.disks) {
        const bool used = std::ranges::any_of(real_->members(), [&](const RealWorld::Member& member) {
            return member.path == name && std::ranges::count(roster_.members, member.disk.get()) > 0;
        });
        if (!used) wish.names.push_back(name);
    }
    const Latecomers::Admit admit = [this, &group](std::size_t index, RealWorld::Member& member) {
        return this->admit(group, index, member);
    };
    Latecomers latecomers(*real_, roster_, std::move(wish), admit);
    co_await latecomers.run(end);
}

bool OpenGroup::admit(Group& group, std::size_t index, RealWorld::Member& member) {
    const bool borrows = group.seat() && group.seat()->announced();
    if (borrows && !lock_late(*group.seat(), index, member)) return false;
    if (!borrows && member.file) locks_.add(*member.disk, *member.file);
    group.admit(index, *member.disk);
    roster_.members[index] = member.disk.get();
    roster_.names[index] = std::string(member.disk->name());
    std::erase_if(unopened_, [&](const Unopened& disk) { return disk.path == member.path; });
    return true;
}

// A passive disk is written only where the slot's lock is held (seat.hpp): another process of this host
// may have it there, or one that has died and whose writes are not over. On an active one late writes are
// harmless, and the lock is only a vote.
bool OpenGroup::lock_late(const Seat& seat, std::size_t index, RealWorld::Member& member) {
    Disk& disk = *member.disk;
    if (member.file) {
        locks_.add(disk, *member.file);
        if (locks_.try_lock(disk, seat.slot)) return true;
        locks_.forget(disk);
        return false;
    }
    if (const auto locked = lock_active_disk(index, disk); !locked) {
        options_.warn(locked.error().sentence);
    }
    (void)locks_.try_lock(disk, seat.slot);
    return true;
}

Result<std::unique_ptr<OpenGroup>> OpenGroup::join(OpenOptions options) {
    auto group = open(std::move(options));
    if (!group) return group;
    if (auto fine = (*group)->take_seat(); !fine) return std::unexpected(fine.error());
    return group;
}

Result<void> OpenGroup::take_seat() {
    const Result<ThisHost> host = this_host(roster_.common.group);
    if (!host) return std::unexpected(host.error());
    if (!host->note.empty()) options_.warn(host->note);
    SeatWish wish;
    wish.host = host->host;
    wish.uptime = real_->loop().now().time_since_epoch();  // CLOCK_BOOTTIME starts with the boot
    wish.slot = options_.slot;
    wish.say = options_.warn;
    const Duration uptime = wish.uptime;
    group_ = std::make_unique<Group>(world(), roster_);
    std::optional<Scope> telling(std::in_place, world().queue);
    telling->spawn(tell_after(
        slow_seat,
        fmt::format("no slot of this host is free yet: another one is claimed, which takes a tenth "
                    "of the TTL ({:.0f} s) and longer, or one becomes free",
                    roster_.common.ttl_ms / 1000.0)));
    const Result<void> seat = run(group_->take_seat(locks_, std::move(wish), deadline()));
    telling.reset();
    if (!seat && locks_.without_locks() != nullptr) {
        return std::unexpected(
            Error{seat.error().code, fmt::format("{}: its file system has no locks, and slots are "
                                                 "borrowed by locks",
                                                 locks_.without_locks()->name())});
    }
    if (!seat) return std::unexpected(told_of_hosts(explained(seat.error()), host->host));
    keeping_.emplace(world().queue);
    const bool absent = roster_.present() < roster_.disks();
    if (absent && !options_.before) keeping_->spawn(await_absent(*group_, leaving_));
    if (!group_->seat()->announced()) return {};
    keeper_.emplace(world(), group_->roster(), group_->rule(), locks_, host->host, uptime,
                    group_->seat()->slot);
    if (options_.give_back) keeping_->spawn(keeper_->keep(leaving_));
    mender_.emplace(*group_);
    mending_.emplace(world().queue);
    mending_->spawn(mender_->keep());
    return {};
}

// Where all slots belong to others, a person has to do something: about those that nothing has been
// seen of for long, if there are any.
Error OpenGroup::told_of_hosts(Error error, const Host& us) {
    if (error.code != Code::no_slot || options_.slot) return error;
    Surveyor surveyor(world(), roster_, group_->rule());
    const Survey survey = run(surveyor.run(deadline()));
    const std::vector<HostView> hosts = view_hosts(survey);
    const bool owner = std::ranges::any_of(hosts, [&](const HostView& host) {
        return host.id == us.id;
    });
    const std::string unseen = owner ? "" : unseen_for_long(hosts, unix_ms());
    if (!unseen.empty()) error.sentence += "; not seen for long: " + unseen;
    return error;
}

OpenGroup::~OpenGroup() {
    if (!keeper_) return;
    leaving_.set();
    mending_.reset();
    mender_.reset();
    real_->loop().run_until(keeping_->idle());  // stamps of a claim that is cut short would stay
    if (options_.give_back) keeping_->spawn(give_back());
    real_->loop().run_until(keeping_->idle());
}

Task<void> OpenGroup::give_back() {
    const bool more = co_await keeper_->owns_more();
    if (!more) co_return;
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    const bool left = co_await group_->leave_seat(locks_, world().clock.now() + ttl / 20);
    if (left) co_await keeper_->give_back_rest();
}

}  // namespace diskpaxos::node
