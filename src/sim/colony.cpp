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
      format_(formatted(setup.geometry, setup.makeup.kinds(setup.disks)),
              setup.makeup.kinds(setup.disks)),
      invariants_(format_, setup.geometry.cells),
      ways_(world_, faults_, *this, setup.makeup.scsi),
      homes_(setup.hosts) {
    superblock_ = draw_group(world_.random(), "colony", setup.geometry, setup.ttl_ms, setup.disks,
                             platters_, setup.makeup.active);
    for (auto& platter : platters_) ways_.add(*platter);
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
    ways_.hang_up();
    world_.run(Instant::max());
}

void Colony::run() {
    format();
    storm();
    if (going_on()) calm_down();
    if (going_on()) mend_everywhere(false);  // what one of them holds, the next may need
    if (going_on()) mend_everywhere(true);
    if (going_on() && kinds() != DiskKinds::active) slots_->must_be_settled();
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
                                setup_.mute, setup_.ambush, f.agent_restart,
                                f.agent_stop};
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
        case 9:
            ambush_ = true;
            return;
        default:
            return trouble_agent(any.number(), what == 10);
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
    ways_.go_on();
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
            kill_mender(home);
            continue;
        }
        if (!ended) return wrong("P14: the last mender does not end");
        const CheckReport& report = home.mender->checked();
        for (const DiskReport& disk : report.disks) {
            // What is behind is no fault. Registers are renewed on a majority, and the mender ends before
            // a slower disk has made up for it (--groups --active, seed 430).
            const bool behind = disk.verdict() == DiskVerdict::stale && kinds() != DiskKinds::passive;
            if (disk.verdict() == DiskVerdict::sound || behind) continue;
            wrong(fmt::format("P14: {} is {} after all were healed: {}", disk.name,
                              describe(disk.verdict()),
                              disk.examples.empty() ? "" : disk.examples.front()));
        }
        if (report.disks.empty()) {
            wrong("P14: no check in the calm: " +
                  (home.mender->error() ? home.mender->error()->sentence : std::string("?")));
        }
        kill_mender(home);
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

}  // namespace diskpaxos::sim
