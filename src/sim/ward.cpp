#include "sim/ward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "group/format.hpp"
#include "sim/draw.hpp"

namespace diskpaxos::sim {

namespace {

constexpr Duration old_age = std::chrono::hours(1);  // of a boot that began before the run

}  // namespace

Ward::Ward(std::uint64_t seed, const WardSetup& setup, bool verbose)
    : setup_(setup),
      world_(seed),
      verbose_(verbose),
      faults_(setup.faults),
      format_(formatted(setup.geometry, setup.makeup.kinds(setup.disks)),
              setup.makeup.kinds(setup.disks)),
      judge_(format_, setup.makeup.kinds(setup.disks), !setup.beyond),
      ways_(world_, faults_, *this, setup.makeup.scsi),
      homes_(setup.hosts) {
    superblock_ = draw_group(world_.random(), "ward", setup.geometry, setup.ttl_ms, setup.disks,
                             platters_, setup.makeup.active);
    for (auto& platter : platters_) ways_.add(*platter);
    for (std::size_t i = 0; i < homes_.size(); ++i) {
        Home& home = homes_[i];
        home.host.id = draw_uuid(world_.random());
        home.host.boot = draw_uuid(world_.random());
        home.host.name = fmt::format("host {}", i);
        home.booted = Instant() - old_age;
        home.wardens.resize(setup.wardens);
    }
}

Ward::~Ward() {
    faults_.on = false;
    for (Home& home : homes_) home.wardens.clear();
    ways_.hang_up();
    world_.run(Instant::max());
}

void Ward::run() {
    format();
    storm();
    if (going_on()) calm_down();
    if (going_on()) last_round();
    if (going_on()) succession();
    marks_[static_cast<std::size_t>(WardMark::refused_write)] = judge_.refused_writes();
    marks_[static_cast<std::size_t>(WardMark::overlap)] = judge_.overlaps();
}

std::vector<std::uint64_t> Ward::contend(Duration time) {
    format();
    WardenPlan plan = plan_for(homes_.front());
    plan.steady = true;
    plan.wait = std::chrono::hours(1);
    for (Home& home : homes_) {
        for (auto& warden : home.wardens) warden = new_warden(home, plan, setup_.locks);
    }
    std::vector<std::uint64_t> before, grants;
    const auto count = [this](std::vector<std::uint64_t>& into) {
        for (const auto* warden : everybody()) into.push_back((*warden)->grants());
    };
    const auto all_there = [this] {
        return std::ranges::all_of(everybody(), [](auto* w) { return (*w)->grants() > 0; });
    };
    run_until(all_there, std::chrono::minutes(1));
    count(before);
    run_until([] { return false; }, time);
    count(grants);
    for (std::size_t i = 0; i < grants.size(); ++i) grants[i] -= before[i];
    return grants;
}

// ---- the story ----

void Ward::format() {
    faults_.on = false;
    Strand strand;
    NoTrace no_trace;
    World world{strand.queue, world_.clock(), world_.random(), no_trace};
    FormatPlan plan;
    plan.superblock = superblock_;
    for (SimPath* path : ways_.lay()) plan.disks.push_back(path);
    plan.host = homes_.front().host;
    plan.host_slots = setup_.geometry.slots - (setup_.hosts - 1) * setup_.wardens;
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
    faults_.on = true;
}

void Ward::storm() {
    const Instant end = world_.now() + setup_.storm;
    Instant next_whim = end, next_look = world_.now();
    const auto draw_whim = [&] {
        next_whim = world_.now() + world_.between(Duration(0), 2 * setup_.whims);
        world_.at(next_whim, [] {});
    };
    draw_whim();
    world_.at(end, [] {});
    while (world_.now() < end && going_on()) {
        if (world_.now() >= next_look) {
            bury();
            start_missing();
            next_look = world_.now() + milliseconds(10);
            world_.at(next_look, [] {});
        }
        if (world_.now() >= next_whim) {
            whim();
            draw_whim();
        }
        world_.step();
    }
}

void Ward::whim() {
    const Faults& f = faults_;
    const unsigned weights[] = {f.crash,       f.pause,    f.drive_hang,
                                f.drive_gone,  f.wipe,     setup_.majority_gone,
                                setup_.reboot, setup_.jump, f.agent_restart,
                                f.agent_stop};
    unsigned sum = 0;
    for (const unsigned weight : weights) sum += weight;
    if (sum == 0) return;
    std::uint64_t draw = world_.random().below(sum);
    unsigned what = 0;
    while (draw >= weights[what]) draw -= weights[what++];
    Platter& any = *platters_[world_.random().below(platters_.size())];
    const Instant until = world_.now() + world_.between(microseconds(100), f.longest_hang);
    const std::uint64_t first = world_.random().below(platters_.size());
    switch (what) {
        case 0:
            if (auto* warden = anyone()) kill(*warden);
            return;
        case 1:
            return pause_anyone();
        case 2:
            any.silent_until = until;
            return;
        case 3:
            any.gone_until = until;
            return;
        case 4:
            if (wounded_ != nullptr) return;
            wounded_ = &any;
            // What is damaged of an active disk tells itself apart from any other damage.
            any.fill({0, any.geometry().blocks()}, world_.chance(500) && !any.geometry().active,
                     world_.random());
            return mark_down(WardMark::wiped);
        case 5:
            mark_down(WardMark::majority_gone);
            for (std::size_t i = 0; i <= platters_.size() / 2; ++i) {
                Platter& platter = *platters_[(first + i) % platters_.size()];
                const bool fails = f.drive_gone > 0 && first == 0;
                (fails ? platter.gone_until : platter.silent_until) = until;
            }
            return doom_a_holder(until);
        case 6:
            return reboot(homes_[world_.random().below(homes_.size())]);
        case 7:
            if (clocks_.empty()) return;
            return clocks_[world_.random().below(clocks_.size())]->jump(
                world_.between(Duration(0), 2 * ttl()));
        default:
            return trouble_agent(any.number(), what == 8, until);
    }
}

// The lives that go on end their errands; some are ended, and what they hold must be taken over.
void Ward::calm_down() {
    faults_.on = false;
    calm_ = true;
    say("calm");
    ways_.go_on();
    for (auto& platter : platters_) {
        platter->gone_until = platter->silent_until = world_.now();
    }
    for (auto* warden : everybody()) {
        (*warden)->strand().held = false;
        if (!(*warden)->seated() || world_.chance(300)) kill(*warden);
    }
    const Duration most = 8 * ttl() + 2 * (setup_.wait + setup_.hold + setup_.patience);
    if (!run_until([this] { return all_finished(); }, most)) {
        if (going_on()) judge_.violate("L7: somebody does not end in the calm");
    }
    for (auto* warden : everybody()) kill(*warden);
}

// On each host one takes every lock there is: whatever the dead hold, they must get it.
void Ward::last_round() {
    for (Home& home : homes_) {
        WardenPlan plan = plan_for(home);
        plan.due = true;
        plan.patience = std::chrono::minutes(1);
        const Timing timing(ttl());
        plan.wait =
            2 * timing.observe() + 2 * timing.renewal() + 20 * timing.grace() + 4 * setup_.hold;
        home.wardens.front() = new_warden(home, plan, setup_.locks);
    }
    if (!run_until([this] { return all_finished(); }, std::chrono::minutes(2))) {
        if (going_on()) judge_.violate("L7: the last round does not end");
    }
    for (auto* warden : everybody()) kill(*warden);
}

// One dies with a lock; another one has waited for it.
void Ward::succession() {
    Home& home = homes_.front();
    const std::string& lock = setup_.locks.front();
    WardenPlan plan = plan_for(home);
    plan.due = plan.keep = true;
    plan.wait = std::chrono::minutes(1);
    home.wardens[0] = new_warden(home, plan, {lock});
    auto& first = home.wardens[0];
    if (!run_until([&] { return first->holds(lock); }, std::chrono::minutes(1))) {
        return judge_.violate("L8: the first does not get the lock");
    }
    home.wardens[1] = new_warden(home, plan, {lock});
    auto& second = home.wardens[1];
    run_until([&] { return second->session() != nullptr && second->session()->sound(); },
              std::chrono::minutes(1));
    run_until([] { return false; }, world_.between(Duration(0), 2 * ttl()));
    const Instant died = world_.now();
    kill(first);
    if (!run_until([&] { return second->holds(lock); }, std::chrono::minutes(1)) && going_on()) {
        return judge_.violate("L8: nobody succeeds the dead");
    }
    const Timing timing(ttl());
    const Duration operation =
        25 * (faults_.slowest + faults_.commit + setup_.geometry.slots * faults_.row_gap);
    // Twice: the dead may have left a promise on its way, and then the first attempt is lost. Where
    // nobody has a slot that one is looked after for 16 operations (Cell::settle_early).
    const bool looked_after = setup_.makeup.kinds(setup_.disks) == DiskKinds::active;
    const Duration bound = timing.observe() + timing.renewal() + 2 * timing.lazy_poll() +
                           (looked_after ? 3 : 2) * operation;
    const Duration took = world_.now() - died;
    if (took > bound * (1'000'000 + setup_.drift) / 1'000'000) {
        judge_.violate(fmt::format("L8: the dead is succeeded after {} us, not within {} us",
                                   took.count() / 1000, bound.count() / 1000));
    }
    for (auto* warden : everybody()) kill(*warden);
}

}  // namespace diskpaxos::sim
