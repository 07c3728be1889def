#include "group/group.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/errno_text.hpp"
#include "base/mutant.hpp"
#include "base/told_once.hpp"
#include "register/active_visit.hpp"

namespace diskpaxos {

namespace {

constexpr Duration first_guess = std::chrono::milliseconds(2);  // of one operation's length
constexpr Duration patience = std::chrono::milliseconds(50);    // of a phase that was refused
// The same where a lineage is short: meanwhile others go on, and the look that follows sees as well
// whether the disks that were slow have made up for the refusal.
constexpr Duration short_patience = std::chrono::milliseconds(2);
constexpr unsigned rereads = 2;

// A disk that is not there: it never counts, and never says no.
class AbsentVisit final : public Visit {
  public:
    AbsentVisit(std::string name, bool active) : name_(std::move(name)), active_(active) {}
    Task<Sight> visit(const Own&) override { co_return absent(); }
    Task<Sight> look(Proposer) override { co_return absent(); }
    bool open() const override { return false; }
    bool judges() const override { return active_; }  // once it is there
    std::string_view name() const override { return name_; }

  private:
    static Sight absent() { return Sight(Failure{Failure::Kind::closed, 0, Damage::none}); }
    std::string name_;
    bool active_;
};

std::string reason(const Failure& failure) {
    switch (failure.kind) {
        case Failure::Kind::none: return "no answer";
        case Failure::Kind::io: return errno_text(failure.error);
        case Failure::Kind::damaged: return describe(failure.damage);
        case Failure::Kind::superseded: return "still busy";
        case Failure::Kind::rolled_back: return "lost a write of ours";
        case Failure::Kind::intruder: return "another process writes our slot";
        case Failure::Kind::closed: return "not in use";
        case Failure::Kind::forbidden: return "does not let us";
        case Failure::Kind::above: return "is behind, and bars us below what the others have promised";
        case Failure::Kind::foreign: return "another group's now";
        case Failure::Kind::quarantined: return "a write of ours failed and may still happen";
    }
    UNREACHABLE();
}

Error gone(const std::string& group, const std::string& disks) {
    return {Code::other_group,
            fmt::format("group {} was formatted over: another group has {}", group, disks)};
}

}  // namespace

Group::Group(World& world, Roster roster)
    : world_(world),
      roster_(std::move(roster)),
      rule_(Threshold::majority(roster_.disks())),
      format_(roster_.common.geometry, roster_.common.kinds()),
      pace_(first_guess) {
    CHECK(rule_.intersects());
}

Task<Result<void>> Group::take_seat(SlotLocks& locks, SeatWish wish, Instant deadline) {
    CHECK(!seat_ && cells_.empty());
    if (roster_.common.kinds() == DiskKinds::active) {
        if (wish.slot) {
            co_return std::unexpected(Error{
                Code::usage, fmt::format("group {} has active disks only, and no slots",
                                         roster_.common.name)});
        }
        seat_ = unannounced_seat(world_.random, roster_.disks());
        co_return Result<void>();
    }
    SeatFinder finder(world_, roster_, rule_, locks);
    Result<Seat> seat = co_await finder.find(std::move(wish), deadline);
    if (!seat) co_return std::unexpected(seat.error());
    seat_ = *seat;
    watch_writes(locks);
    co_return Result<void>();
}

// doubt-D1: told to the locks at once, as this process may end before the write has landed.
void Group::watch_writes(SlotLocks& locks) {
    const Duration drain = drain_time(std::chrono::milliseconds(roster_.common.ttl_ms));
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        fates_[disk].failed = [this, &locks, disk, drain] {
            if (mutated(Mutant::doubt_untold)) return;
            lands_until_ = world_.clock.now() + drain;
            locks.doubt(*roster_.members[disk], seat_->slot, drain);
        };
    }
}

Task<bool> Group::leave_seat(SlotLocks& locks, Instant deadline) {
    if (usurped_ || !seat_ || !seat_->announced()) co_return false;
    for (auto& [number, cell] : cells_) {
        const bool over = co_await cell.idle().wait_until(world_.clock, deadline);
        if (!over) co_return false;
    }
    if (mends_ > 0 || world_.clock.now() < lands_until_) co_return false;
    unlock(roster_, locks, seat_->slot, seat_->open);
    co_return true;
}

Cell& Group::cell(std::uint32_t number) {
    CHECK(number < geometry().cells);
    if (const auto found = cells_.find(number); found != cells_.end()) return found->second;
    std::vector<std::unique_ptr<Visit>> visits;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        visits.push_back(visit(disk, number));
    }
    const Proposer me = seat_ ? seat_->me : Proposer();
    const Duration patient = format_.forgets() ? short_patience : patience;
    auto reg = std::make_unique<Register>(world_, rule_, number, me, patient, std::move(visits));
    return cells_.try_emplace(number, world_, format_, std::move(reg), pace_).first->second;
}

void Group::admit(std::size_t index, Disk& disk) {
    CHECK(roster_.members[index] == nullptr);
    roster_.members[index] = &disk;
    roster_.names[index] = std::string(disk.name());
    if (seat_) seat_->open.insert(index);
    for (auto& [number, cell] : cells_) cell.admit(index, visit(index, number));
}

Task<bool> Group::mend(std::size_t disk, std::uint32_t cell, Place place, OwnCopy copy) {
    if (usurped_ || !seat_ || !seat_->open.contains(disk) || fates_[disk].foreign) co_return false;
    ++mends_;
    const auto used = cells_.find(cell);
    auto mending = place != own_place()    ? mend_older(disk, cell, place, copy)
                   : used == cells_.end() ? mend_unused(disk, cell, copy)
                                          : used->second.mend(disk, copy);
    const bool whole = co_await mending;
    --mends_;
    co_return whole;
}

// Of an earlier turn of the slot. The next writer of it begins when the slot has changed hands, so a
// write that failed must have landed before we give the slot up.
Task<bool> Group::mend_older(std::size_t disk, std::uint32_t cell, Place place, const OwnCopy& copy) {
    Disk& device = *roster_.members[disk];
    const RowAddress address = roster_.row(disk, cell);
    IoPtr io = device.prepare(Io::Kind::write, Extent{geometry().block(cell, place), 1}, Extent{});
    copy.encode(io->out.bytes(), address.block(place));
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0 && fates_[disk].failed) fates_[disk].failed();
    co_return io->error == 0;
}

Task<bool> Group::mend_unused(std::size_t disk, std::uint32_t cell, const OwnCopy& copy) {
    const std::pair key{cell, disk};
    if (!mending_.contains(key)) mending_[key] = visit(disk, cell);
    auto mending = mending_[key]->mend(copy);
    const bool whole = co_await mending;
    if (whole) mending_.erase(key);  // if no cell has taken it over
    co_return whole;
}

std::unique_ptr<Visit> Group::visit(std::size_t disk, std::uint32_t cell) {
    if (auto begun = mending_.extract({cell, disk})) return std::move(begun.mapped());
    Disk* device = roster_.members[disk];
    if (device == nullptr) {
        return std::make_unique<AbsentVisit>(roster_.names[disk], roster_.common.is_active(disk));
    }
    const RowAddress address = roster_.row(disk, cell);
    if (roster_.common.is_active(disk)) {
        const auto access = seat_ ? ActiveVisit::Access::open : ActiveVisit::Access::closed;
        return std::make_unique<ActiveVisit>(*device, address, access);
    }
    const Place place = seat_ ? own_place() : no_place;
    const bool open = seat_ && seat_->open.contains(disk);
    const Duration ttl = std::chrono::milliseconds(roster_.common.ttl_ms);
    const Quarantine quarantine{&world_.clock, drain_time(ttl)};
    const auto access = open ? PassiveVisit::Access::open : PassiveVisit::Access::closed;
    return std::make_unique<PassiveVisit>(*device, address, place, rereads, quarantine, access,
                                          &fates_[disk]);
}

bool Group::lets(Right right, std::string_view name) const {
    DiskSet letting;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const Disk* device = roster_.members[disk];
        if (device == nullptr || device->lets(right, name)) letting.insert(disk);
    }
    return rule_.suffices(Purposes{.read = true, .write = true}, letting);
}

bool Group::forbidden(Cell& cell) const {
    DiskSet others = DiskSet::first(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (cell.reg().failures()[disk].kind == Failure::Kind::forbidden) others.erase(disk);
    }
    return !rule_.suffices(Purpose::read, others);
}

Error Group::permission(Right right, std::string_view name) const {
    const bool reads = right == Right::read;
    return {Code::permission,
            fmt::format("the agents of group {} do not let us {} \"{}\": their --access file has no "
                        "\"{}\" for us that covers it",
                        roster_.common.name, reads ? "read" : "change", name,
                        reads ? "read" : "write\" or, where it is new, \"create")};
}

// A phase that is lost ends at once: who had not answered yet is not blamed for it.
std::string Group::who_answered(Cell& cell) const {
    const Register& reg = cell.reg();
    const DiskSet heard = reg.tally().counted() | reg.tally().refused();
    std::size_t answered = 0;
    std::vector<Trouble> troubles;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const Failure& failure = reg.failures()[disk];
        const bool silent = reg.timed_out() && !heard.contains(disk);
        if (failure.kind == Failure::Kind::none && !silent) {
            ++answered;
            continue;
        }
        troubles.push_back({roster_.names[disk], reason(failure)});
    }
    const std::string absent = fmt::format("{}", fmt::join(told_once(troubles), "; "));
    return fmt::format("{} of {} disks answered{}", answered, roster_.disks(),
                       absent.empty() ? "" : fmt::format(" ({})", absent));
}

// The disks that `format` has taken from us; empty if enough are left.
std::string Group::formatted_over(Cell& cell) const {
    DiskSet left = DiskSet::first(roster_.disks());
    std::string taken;
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const Failure& failure = cell.reg().failures()[disk];
        if (failure.kind != Failure::Kind::foreign && !fates_[disk].foreign) continue;
        left.erase(disk);
        taken += fmt::format("{}{}", taken.empty() ? "" : ", ", roster_.names[disk]);
    }
    return rule_.suffices(Purposes{.read = true, .write = true}, left) ? "" : taken;
}

Error Group::no_quorum(Cell& cell, Cause why) const {
    if (const std::string taken = formatted_over(cell); !taken.empty()) {
        return gone(roster_.common.name, taken);
    }
    if (why == Cause::others) {
        return {Code::no_quorum,
                "others changed the same name all the time until the time-out; nothing was decided by "
                "this call: try again, or with a longer one"};
    }
    if (lost(cell)) {
        return {Code::no_quorum,
                who_answered(cell) + "; \"diskpaxos check --repair\" heals it if it can, and else "
                                     "\"diskpaxos check --repair --give-up NAME\" lets go of it"};
    }
    return {Code::no_quorum, who_answered(cell) + "; bring one back or run \"diskpaxos check\""};
}

// Whether damage alone keeps it from us: then there is no disk to be brought back.
bool Group::lost(Cell& cell) const {
    DiskSet whole = DiskSet::first(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        const Failure::Kind kind = cell.reg().failures()[disk].kind;
        if (kind == Failure::Kind::damaged) whole.erase(disk);
        else if (kind != Failure::Kind::none) return false;
    }
    return !rule_.suffices(Purposes{.read = true, .write = true}, whole);
}

Error Group::unsettled(Cell& cell, Cause why) const {
    if (const std::string taken = formatted_over(cell); !taken.empty()) {
        return gone(roster_.common.name, taken);
    }
    constexpr const char* open = "it may be applied, now or later, or never; the next read settles it";
    switch (why) {
        case Cause::disks:
            return {Code::unknown_outcome,
                    fmt::format("{} in the middle of the change: {}", who_answered(cell), open)};
        case Cause::others:
            return {Code::unknown_outcome,
                    fmt::format("others changed the same name all the time until the time-out, and may "
                                "have taken up this change: {}",
                                open)};
        case Cause::lineage:
            return {Code::unknown_outcome,
                    "so many others have changed the same name meanwhile that the disks do not tell any "
                    "more whether this change is among theirs: read it, and decide from what you see"};
    }
    UNREACHABLE();
}

Error Group::usurped() {
    usurped_ = true;
    if (seat_ && !seat_->announced()) {
        return {Code::lost, "another process uses a rank of ours; this one has stopped"};
    }
    return {Code::lost, fmt::format("another process writes slot {} of group {}; this one has stopped",
                                    seat_ ? seat_->slot : 0, roster_.common.name)};
}

Error Group::damaged(std::uint32_t number) const {
    const auto cell = cells_.find(number);
    if (cell != cells_.end() && cell->second.reg().highest().round >= last_round) {
        return {Code::bad_data,
                fmt::format("cell {} has no ranks left: somebody has promised round {}; it cannot be "
                            "changed any more, and what remains is a new group",
                            number, cell->second.reg().highest().round)};
    }
    return {Code::bad_data, fmt::format("cell {} holds what this program did not write", number)};
}

}  // namespace diskpaxos
