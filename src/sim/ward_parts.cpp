// What happens in a ward: wardens come and go, and what they do is shown to the judge.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "sim/ward.hpp"

namespace diskpaxos::sim {

// ---- what wardens tell ----

void Ward::stepped(const Warden&, const Step& step) {
    world_.digest(static_cast<std::uint64_t>(step.kind) << 32 | step.rank.round);
    if (step.kind == Step::Kind::intruder) judge_.violate("an intruder was met");
    if (step.kind == Step::Kind::write_done) judge_.committed(step.cell, step.other);
}

void Ward::met(const Warden&, Code code) {
    switch (code) {
        case Code::busy:
            return mark_down(WardMark::busy);
        case Code::lost:
            return mark_down(WardMark::lost);
        case Code::no_quorum:
            return mark_down(WardMark::no_quorum);
        case Code::unknown_outcome:
            return mark_down(WardMark::unknown_outcome);
        default:
            judge_.violate(fmt::format("an acquisition ended with {}", word(code)));
    }
}

void Ward::landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing) {
    if (path.orphaned()) mark_down(WardMark::late_write);
    if (!platter.is_cell_block(block) || platter.is_door(block)) return;
    const Decoded found = platter.decode(block);
    if (found.state == BlockState::valid) show(platter.cell_of(block), found.block);
    if (platter.geometry().active) accepted(platter.number(), platter.cell_of(block));
}

// On an active disk: of two steps that one commit makes durable only the later one lands.
void Ward::executed(const SimPath& path, std::uint32_t cell, const Block& block) {
    show(cell, block);
    unsaved_[{path.platter().number(), cell}].push_back(block.accepted);
}

// Where all disks are active, what a majority has accepted is committed, and a look may know it
// before, or instead of, the process that wrote it (docs/protocol.md, step).
void Ward::accepted(std::size_t disk, std::uint32_t cell) {
    for (const Rank rank : std::exchange(unsaved_[{disk, cell}], {})) {
        DiskSet& by = acceptors_[{cell, rank}];
        by.insert(disk);
        if (setup_.makeup.kinds(setup_.disks) != DiskKinds::active || rank.none()) continue;
        if (by.size() > setup_.disks / 2) judge_.committed(cell, rank);
    }
}

void Ward::show(std::uint32_t cell, const Block& block) {
    if (block.accepted.none() || !seen_.insert({cell, block.accepted}).second) return;
    judge_.pushed(cell, block.accepted, block.value);
}

void Ward::overlapped(const SimPath& path, std::uint64_t block) {
    if (path.platter().is_cell_block(block)) judge_.violate("two writes to a block at once");
}

void Ward::say(const std::string& what) const {
    if (!verbose_) return;
    fmt::print(stderr, "{:>12} {}\n", world_.now().time_since_epoch().count(), what);
}

// ---- who lives ----

WardenPlan Ward::plan_for(const Home& home) const {
    WardenPlan plan;
    plan.uptime = world_.now() - home.booted;
    plan.patience = calm_ ? Duration(std::chrono::minutes(1)) : setup_.patience;
    plan.think = setup_.think;
    plan.hold = setup_.hold;
    plan.wait = setup_.wait;
    plan.readers = setup_.readers;
    plan.breaks = setup_.breaks;
    return plan;
}

std::unique_ptr<Warden> Ward::new_warden(Home& home, WardenPlan plan,
                                         std::vector<std::string> locks) {
    Random& random = world_.random();
    const auto width = static_cast<std::uint64_t>(2 * setup_.drift + 1);
    std::int64_t drift = static_cast<std::int64_t>(random.below(width)) - setup_.drift;
    if (random.one_in(2)) drift = random.one_in(2) ? setup_.drift : -setup_.drift;
    const Instant first(std::chrono::seconds(1 + random.below(100'000)));
    clocks_.push_back(std::make_unique<LocalClock>(world_, drift, first));
    plan.ttl_ms = setup_.ttl_ms;
    if (!setup_.ttls.empty()) plan.ttl_ms = setup_.ttls[random.below(setup_.ttls.size())];
    return std::make_unique<Warden>(*this, *clocks_.back(), home.kernel, home.host, ways_.lay(),
                                    std::move(locks), plan);
}

void Ward::start_missing() {
    for (Home& home : homes_) {
        for (auto& warden : home.wardens) {
            if (warden || !world_.chance(200)) continue;
            WardenPlan plan = plan_for(home);
            plan.patience = std::max(plan.patience, Duration(milliseconds(200)));
            warden = new_warden(home, plan, setup_.locks);
        }
    }
}

std::vector<std::unique_ptr<Warden>*> Ward::everybody() {
    std::vector<std::unique_ptr<Warden>*> all;
    for (Home& home : homes_) {
        for (auto& warden : home.wardens) {
            if (warden) all.push_back(&warden);
        }
    }
    return all;
}

void Ward::kill(std::unique_ptr<Warden>& warden) {
    if (!calm_) mark_down(WardMark::killed);
    const bool holder =
        std::ranges::any_of(setup_.locks, [&](const auto& lock) { return warden->holds(lock); });
    if (holder && !calm_) mark_down(WardMark::killed_holder);
    say(fmt::format("{} ends{}", warden->name(), holder ? ", holding" : ""));
    warden->act_to_the_end();
    marks_[static_cast<std::size_t>(WardMark::granted)] += warden->grants();
    warden.reset();
}

std::unique_ptr<Warden>* Ward::anyone() {
    const auto all = everybody();
    return all.empty() ? nullptr : all[world_.random().below(all.size())];
}

void Ward::pause_anyone() {
    auto* chosen = anyone();
    if (chosen == nullptr || (*chosen)->strand().held) return;
    Warden* warden = chosen->get();
    warden->strand().held = true;
    const SimPath* path = warden->paths().front();  // outlives it, and knows whether it lives
    const Instant back = world_.now() + world_.between(microseconds(50), setup_.longest_pause);
    mark_down(WardMark::paused);
    say(fmt::format("{} pauses until {}", warden->name(), back.time_since_epoch().count()));
    world_.at(back, [warden, path] {
        if (!path->orphaned()) warden->strand().held = false;
    });
    doom_a_holder(back);
}

// Who has just renewed after a long silence, and dies before it can do so again, is the one about
// whom observers are most likely to be wrong.
void Ward::doom_a_holder(Instant soon_after) {
    for (auto* chosen : everybody()) {
        const bool holds = std::ranges::any_of(
            setup_.locks, [&](const auto& lock) { return (*chosen)->holds(lock); });
        if (!holds || !world_.chance(400)) continue;
        const SimPath* path = (*chosen)->paths().front();
        const Instant end = soon_after + world_.between(Duration(0), ttl() / 20);
        world_.at(end, [this, chosen, path] {
            if (!path->orphaned() && !calm_) kill(*chosen);
        });
        return;
    }
}

// Everybody on it dies; what they submitted may still land, and no lock tells of it.
void Ward::reboot(Home& home) {
    mark_down(WardMark::rebooted);
    say(fmt::format("{} reboots", home.host.name));
    for (auto& warden : home.wardens) {
        if (warden) kill(warden);
    }
    home.kernel.reboot();
    for (std::byte& byte : home.host.boot)
        byte = static_cast<std::byte>(world_.random().below(256));
    home.booted = world_.now();
}

void Ward::trouble_agent(std::size_t disk, bool restarts, Instant until) {
    SimAgent* agent = ways_.agent(disk);
    if (agent == nullptr) return;
    way_marks_.count(restarts ? Mark::agent_restarted : Mark::agent_stopped);
    say(fmt::format("the agent of disk {} {}", disk, restarts ? "restarts" : "is stopped"));
    if (!restarts) {
        agent->stopped_until = until;
        return;
    }
    agent->restart();
    std::erase_if(unsaved_, [disk](const auto& entry) { return entry.first.first == disk; });
}

void Ward::bury() {
    for (auto* warden : everybody()) {
        if (!(*warden)->finished()) continue;
        if ((*warden)->error()) say((*warden)->error()->sentence);
        kill(*warden);
    }
}

// ---- time ----

bool Ward::all_finished() const {
    return std::ranges::all_of(homes_, [](const Home& home) {
        return std::ranges::all_of(
            home.wardens, [](const auto& warden) { return !warden || warden->finished(); });
    });
}

bool Ward::run_until(const std::function<bool()>& done, Duration most) {
    const Instant end = world_.now() + most;
    world_.at(end, [] {});
    while (!done() && world_.now() < end && going_on()) world_.step();
    return done();
}

Duration Ward::ttl() const {
    std::uint32_t longest = setup_.ttl_ms;
    for (const std::uint32_t ttl : setup_.ttls) longest = std::max(longest, ttl);
    return milliseconds(longest);
}

}  // namespace diskpaxos::sim
