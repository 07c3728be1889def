#include "sim/colony.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "group/format.hpp"
#include "group/slot_table.hpp"
#include "sim/draw.hpp"
#include "sim/linearizable.hpp"

namespace diskpaxos::sim {

namespace {

constexpr Duration old_age = std::chrono::hours(1);  // of a boot that began before the run
// A storm that kills as fast as others start would go on so for minutes: seed 200865 started 9,000 in 9 s.
constexpr unsigned most_residents = 2'000;

}  // namespace

Colony::Colony(std::uint64_t seed, const ColonySetup& setup, bool verbose)
    : setup_(setup),
      world_(seed),
      verbose_(verbose),
      faults_(setup.faults),
      format_(setup.geometry),
      invariants_(format_, setup.geometry.cells),
      homes_(setup.hosts) {
    superblock_ = draw_group(world_.random(), "colony", setup.geometry, setup.ttl_ms, setup.disks,
                             platters_);
    for (std::size_t i = 0; i < homes_.size(); ++i) {
        Home& home = homes_[i];
        home.host.id = draw_uuid(world_.random());
        home.host.boot = draw_uuid(world_.random());
        home.host.name = fmt::format("host {}", i);
        home.booted = Instant() - old_age;
        home.users.resize(setup.users);
        home.cables.resize(setup.disks);
    }
    slots_.emplace(superblock_, platters_,
                   [this](SlotFault, std::string what) { wrong(std::move(what)); });
}

Colony::~Colony() {
    faults_.on = false;
    for (Home& home : homes_) {
        home.users.clear();
        home.mender.reset();
    }
    world_.run(Instant::max());
}

void Colony::run() {
    format();
    storm();
    if (going_on()) calm_down();
    if (going_on()) mend_everywhere(false);  // what one of them holds, the next may need
    if (going_on()) mend_everywhere(true);
    if (going_on()) slots_->must_be_settled();
    if (going_on()) last_round();
    judge();
}

// ---- the story ----

void Colony::format() {
    faults_.on = false;
    Strand strand;
    NoTrace no_trace;
    World world{strand.queue, world_.clock(), world_.random(), no_trace};
    FormatPlan plan;
    plan.superblock = superblock_;
    for (SimPath* path : new_paths(homes_.front())) plan.disks.push_back(path);
    plan.host = homes_.front().host;
    plan.host_slots = first_share(setup_.geometry.slots);
    const bool stop = false;
    Formatter formatter(world, std::move(plan), [](std::uint64_t) {});
    Scope scope(strand.queue);
    bool formatted = false;
    world_.enter(strand);
    const auto form = [](Formatter& by, const bool& halt, bool& done) -> Task<void> {
        const Result<void> result = co_await by.run(halt);
        done = result.has_value();
    };
    scope.spawn(form(formatter, stop, formatted));
    while (!scope.idle().is_set() && world_.step()) {
    }
    world_.leave(strand);
    CHECK(formatted);
    slots_->formatted();
    faults_.on = true;
}

void Colony::storm() {
    const Instant end = world_.now() + setup_.storm;
    while (world_.now() < end && going_on() && residents_ < most_residents) {
        bury();
        for (Home& home : homes_) {
            if (world_.now() < home.quiet_until) continue;
            for (auto& user : home.users) {
                if (!user && world_.chance(20)) start_user(home);
            }
        }
        if (world_.random().one_in(faults_.whim_every)) whim();
        if (!world_.step()) world_.at(world_.now() + microseconds(100), [] {});
    }
}

void Colony::whim() {
    const Faults& f = faults_;
    const unsigned weights[] = {f.crash,     f.pause,      f.drive_hang,  f.drive_gone,
                                f.wipe,      setup_.mend,  setup_.reboot, setup_.cut,
                                setup_.mute, setup_.ambush};
    unsigned sum = 0;
    for (const unsigned weight : weights) sum += weight;
    if (sum == 0) return;
    std::uint64_t draw = world_.random().below(sum);
    unsigned what = 0;
    while (draw >= weights[what]) draw -= weights[what++];
    Platter& any = *platters_[world_.random().below(platters_.size())];
    const bool slow = setup_.absence > Duration(0);
    const Instant back = until(slow ? setup_.absence : f.longest_hang);
    switch (what) {
        case 0:
            return kill_anyone();
        case 1:
            return pause_anyone();
        case 2:
            any.silent_until = slow ? until(setup_.absence / 4) : back;
            return;
        case 3:
            any.gone_until = back;
            return;
        case 4:
            return wipe(false);
        case 5:
            return start_mender(any_home());
        case 6:
            return reboot(any_home());
        case 7:
            return cut(true);
        case 8:
            return cut(false);
        default:
            ambush_ = true;
    }
}

// One host and one disk: all others go on as before.
void Colony::cut(bool fails) {
    Home& home = any_home();
    const std::size_t disk = world_.random().below(home.cables.size());
    const Duration most = setup_.absence > Duration(0) ? setup_.absence : 20 * faults_.longest_hang;
    Cable& cable = home.cables[disk];
    // What is held back in silence still lands: within T_ghost.
    (fails ? cable.gone_until : cable.silent_until) = until(fails ? most : most / 4);
    mark_down(ColonyMark::cut_off);
    say(fmt::format("{} {} disk {}", home.host.name, fails ? "does not reach" : "hears nothing of",
                    disk));
}

// Longer than any quarantine and any drain: what was in doubt is settled.
void Colony::calm_down() {
    faults_.on = false;
    calm_ = true;
    say("calm");
    for (auto& platter : platters_) {
        platter->gone_until = world_.now();
        platter->silent_until = std::min(platter->silent_until, world_.now() + setup_.storm);
    }
    for (Home& home : homes_) {
        for (Cable& cable : home.cables) cable.gone_until = world_.now();
        for (auto& user : home.users) {
            if (user) user->strand().held = false;
        }
        if (home.mender) home.mender->strand().held = false;
    }
    // A mender watches for one drain time, and waits another one for writes that failed; a joiner may
    // settle a slot first (slots-R13).
    const Duration settled = 8 * drain_time(milliseconds(setup_.ttl_ms));
    if (!run_until_ended(settled)) wrong("P14: somebody does not end in the calm");
    bury();
    const Instant end = world_.now() + settled;
    world_.at(end, [] {});
    while (world_.now() < end && going_on()) world_.step();
}

void Colony::mend_everywhere(bool must_be_sound) {
    for (Home& home : homes_) {
        start_mender(home);
        const bool ended = run_until_ended(std::chrono::minutes(2));
        if (!must_be_sound || &home != &homes_.back()) {
            home.mender.reset();
            continue;
        }
        if (!ended) return wrong("P14: the last mender does not end");
        const CheckReport& report = home.mender->checked();
        for (const DiskReport& disk : report.disks) {
            if (disk.verdict() == DiskVerdict::sound) continue;
            wrong(fmt::format("P14: {} is {} after all were healed: {}", disk.name,
                              describe(disk.verdict()),
                              disk.examples.empty() ? "" : disk.examples.front()));
        }
        if (report.disks.empty()) {
            wrong("P14: no check in the calm: " +
                  (home.mender->error() ? home.mender->error()->sentence : std::string("?")));
        }
        home.mender.reset();
    }
}

// One user of each host, one after the other; the first ones own a slot, the others must find one
// unless all have an owner.
void Colony::last_round() {
    for (Home& home : homes_) {
        start_user(home);
        if (!run_until_ended(std::chrono::minutes(10))) return wrong("P14: a user does not end");
        const auto& user = home.users.front();
        const auto& error = user->error();
        const bool full = error && error->code == Code::no_slot;  // every slot belongs to other hosts
        const bool may_be = &home != &homes_.front() || setup_.keeper > 0;  // it gave back its last
        if (error && !(full && may_be)) {
            wrong(fmt::format("P14: user of {} ends with {}", home.host.name, error->sentence));
        }
        kill_user(home.users.front());
    }
}

void Colony::judge() {
    for (auto& [name, history] : histories_) {
        if (linearizable(history.operations())) continue;
        wrong(fmt::format("P5: the history of {} is not linearizable", name));
        for (const Operation& op : history.operations()) say("  " + describe(op));
    }
}

// ---- its parts ----

std::vector<SimPath*> Colony::new_paths(const Home& home) {
    std::vector<SimPath*> paths;
    for (auto& platter : platters_) {
        const Cable& cable = home.cables[platter->number()];
        paths_.push_back(std::make_unique<SimDisk>(world_, *platter, faults_, *this, &cable));
        paths.push_back(paths_.back().get());
        slots_->belongs(*paths.back(), home.host.id);
    }
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
    home.mender = std::make_unique<Mender>(*this, home.kernel, home.host, new_paths(home));
}

void Colony::kill_user(std::unique_ptr<User>& user) {
    if (user->seated()) {
        invariants_.died(user->seat()->me);
        slots_->left(user.get());
        say(fmt::format("user {:x} ends", user->seat()->me.value & 0xffffU));
    }
    user.reset();
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
    home.mender.reset();
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
    home.mender.reset();
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
        const std::uint64_t blocks = setup_.geometry.blocks();
        const std::uint64_t first = world_.random().one_in(3) ? 0 : world_.random().below(blocks);
        part = Extent{first, 1 + world_.random().below(blocks - first)};
    }
    if (table_only) mark_down(ColonyMark::table_wiped);
    platter->fill(part, world_.chance(500), world_.random());
    mark_down(ColonyMark::wiped);
    say(fmt::format("disk {} is wiped from {}, {} blocks", platter->number(), part.first,
                    part.count));
}

// Every block of it can be read again, and it will be known for a member.
bool Colony::healed(const Platter& platter) const {
    const Geometry& geometry = setup_.geometry;
    for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) {
        const Extent row = geometry.row(cell);
        for (std::uint64_t block = row.first; block < row.first + row.count; ++block) {
            if (platter.damaged(block)) return false;
        }
    }
    for (std::uint32_t slot = 0; slot < geometry.slots; ++slot) {
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
        home.mender.reset();
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
