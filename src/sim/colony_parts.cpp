// What happens in a colony: residents come and go, disks are wiped and agents troubled.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "group/slot_table.hpp"
#include "sim/colony.hpp"

namespace diskpaxos::sim {

std::vector<SimPath*> Colony::new_paths(const Home& home) {
    std::vector<SimPath*> paths = ways_.lay(&home.cables);
    for (const SimPath* path : paths) slots_->belongs(*path, home.host.id);
    return paths;
}

void Colony::start_user(Home& home) {
    ++residents_;
    const auto room = std::ranges::find_if(home.users, [](const auto& user) { return !user; });
    UserPlan plan;
    plan.operations = setup_.operations;
    plan.uptime = world_.now() - home.booted;
    plan.patience = calm_ ? Duration(std::chrono::minutes(2)) : setup_.patience;
    plan.deadline = calm_ ? Duration(std::chrono::seconds(10)) : milliseconds(20);
    plan.think = setup_.think;
    plan.keeper = setup_.keeper;
    *room = std::make_unique<User>(*this, home.kernel, home.host, new_paths(home), plan);
}

void Colony::start_mender(Home& home) {
    if (home.mender) return;
    ++residents_;
    say(fmt::format("a mender starts on {}", home.host.name));
    home.mender = std::make_unique<Mender>(*this, home.kernel, home.host, new_paths(home),
                                           world_.now() - home.booted);
}

void Colony::ends(const Resident& resident) {
    if (!resident.seated()) return;
    invariants_.died(resident.seat()->me);
    slots_->left(&resident);
    say(fmt::format("user {:x} ends", resident.seat()->me.value & 0xffffU));
}

void Colony::kill_user(std::unique_ptr<User>& user) {
    ends(*user);
    user.reset();
}

void Colony::kill_mender(Home& home) {
    ends(*home.mender);
    home.mender.reset();
}

void Colony::kill_anyone() {
    Home& home = any_home();
    const std::uint64_t who = world_.random().below(home.users.size() + 1);
    if (who < home.users.size()) {
        if (!home.users[who]) return;
        mark_down(ColonyMark::killed_user);
        return kill_user(home.users[who]);
    }
    if (!home.mender) return;
    mark_down(ColonyMark::killed_mender);
    say(fmt::format("the mender on {} is killed", home.host.name));
    kill_mender(home);
}

void Colony::pause_anyone() {
    Home& home = any_home();
    const std::uint64_t who = world_.random().below(home.users.size() + 1);
    Resident* resident = home.mender.get();
    if (who < home.users.size()) resident = home.users[who].get();
    if (resident == nullptr || resident->strand().held) return;
    resident->strand().held = true;
    const SimPath* path = resident->paths().front();  // outlives it, and knows whether it lives
    const Duration most = setup_.absence > Duration(0) && resident == home.mender.get()
                              ? setup_.absence
                              : faults_.longest_hang;
    const Instant back = world_.now() + world_.between(microseconds(50), most);
    world_.at(back, [resident, path] {
        if (!path->orphaned()) resident->strand().held = false;
    });
}

// Everybody on it dies; what they submitted may still land, and no lock tells of it.
void Colony::reboot(Home& home) {
    mark_down(ColonyMark::rebooted);
    say(fmt::format("{} reboots", home.host.name));
    for (auto& user : home.users) {
        if (user) kill_user(user);
    }
    if (home.mender) kill_mender(home);
    home.kernel.reboot();
    home.host.boot = draw_uuid(world_.random());
    home.booted = world_.now();
}

// Zeroes or noise over its slot table, or over any part of a disk, the superblocks included.
void Colony::wipe(bool table_only) {
    Platter* platter = platters_[world_.random().below(platters_.size())].get();
    if (wounded_ != nullptr && platter != wounded_) {
        if (!healed(*wounded_)) return;
        mark_down(ColonyMark::wiped_another);
    }
    wounded_ = platter;
    Extent part = setup_.geometry.slot_table();
    if (!table_only) {
        const std::uint64_t blocks = platter->geometry().blocks();
        const std::uint64_t first = world_.random().one_in(3) ? 0 : world_.random().below(blocks);
        part = Extent{first, 1 + world_.random().below(blocks - first)};
    }
    if (table_only) mark_down(ColonyMark::table_wiped);
    // What is damaged of an active disk tells itself apart from any other damage.
    const bool zeroes = world_.chance(500) && !platter->geometry().active;
    platter->fill(part, zeroes, world_.random());
    mark_down(ColonyMark::wiped);
    say(fmt::format("disk {} is wiped from {}, {} blocks", platter->number(), part.first,
                    part.count));
}

// Every block of it can be read again, and it will be known for a member.
bool Colony::healed(const Platter& platter) const {
    const Geometry& geometry = platter.geometry();
    for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) {
        const Extent row = geometry.row(cell);
        for (std::uint64_t block = row.first; block < row.first + row.count; ++block) {
            if (platter.damaged(block)) return false;
        }
    }
    const std::uint32_t slots = kinds() == DiskKinds::active ? 0 : geometry.slots;  // nobody looks there
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
        for (const BlockKind kind : {BlockKind::claim, BlockKind::owner}) {
            const std::uint64_t at =
                kind == BlockKind::claim ? geometry.claim_block(slot) : geometry.owner_block(slot);
            const auto address = slot_address(superblock_, platter.number(), kind, slot);
            if (!decode_slot_entry(platter.block(at), address)) return false;
        }
    }
    return decode_superblock(platter.superblock(geometry.superblock_first()), 0).has_value() &&
           decode_superblock(platter.superblock(geometry.superblock_last()), 1).has_value();
}

void Colony::trouble_agent(std::size_t disk, bool restarts) {
    SimAgent* agent = ways_.agent(disk);
    if (agent == nullptr) return;
    way_marks_.count(restarts ? Mark::agent_restarted : Mark::agent_stopped);
    say(fmt::format("the agent of disk {} {}", disk, restarts ? "restarts" : "is stopped"));
    if (restarts) return agent->restart();
    const bool slow = setup_.absence > Duration(0);
    agent->stopped_until = until(slow ? setup_.absence / 4 : faults_.longest_hang);
}

void Colony::bury() {
    for (Home& home : homes_) {
        for (auto& user : home.users) {
            if (!user || !user->finished()) continue;
            if (user->error()) mark_down(ColonyMark::no_seat);
            if (user->error()) say(home.host.name + ": " + user->error()->sentence);
            // In minutes of storm, those who cannot get in must not try a million times.
            const bool slow = setup_.absence > Duration(0);
            if (user->error() && slow) home.quiet_until = until(setup_.think);
            kill_user(user);
        }
        if (!home.mender || !home.mender->finished()) continue;
        mark_down(ColonyMark::mended);
        const HealReport& report = home.mender->healed();
        if (report.blocks > 0) mark_down(ColonyMark::healed_blocks);
        say(fmt::format("the mender on {} ends: {} blocks, {} not now{}", home.host.name,
                        report.blocks, report.not_now,
                        home.mender->error() ? "; " + home.mender->error()->sentence : ""));
        const RegisterReport& registers = home.mender->registers();
        for (std::uint64_t i = 0; i < registers.restored; ++i) way_marks_.count(Mark::restored);
        kill_mender(home);
    }
}

// Whether all residents came to their end.
bool Colony::run_until_ended(Duration most) {
    const Instant end = world_.now() + most;
    const auto all_ended = [this] {
        return std::ranges::all_of(homes_, [](const Home& home) {
            return (!home.mender || home.mender->finished()) &&
                   std::ranges::all_of(home.users,
                                       [](const auto& user) { return !user || user->finished(); });
        });
    };
    while (!all_ended() && world_.now() < end && going_on()) {
        if (!world_.step()) break;
    }
    return all_ended() || !going_on();
}

}  // namespace diskpaxos::sim
