#include "sim/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/mutant.hpp"
#include "sim/linearizable.hpp"

namespace diskpaxos::sim {

Cluster::Cluster(std::uint64_t seed, const Setup& s, bool verbose)
    : Surroundings(s),
      world_(seed),
      verbose_(verbose),
      faults_(s.faults),
      invariants_(format, s.geometry.cells),
      ways_(world_, faults_, *this, s.scsi),
      finish_times_(s.processes),
      hosts_(s.processes) {
    for (std::size_t disk = 0; disk < s.disks; ++disk) {
        platters_.push_back(std::make_unique<Platter>(disk, setup.geometry_of(disk)));
        ways_.add(*platters_.back());
        SimAgent* agent = ways_.agent(disk);
        if (agent == nullptr || setup.ceilings.empty()) continue;
        agent->ceiling = [limit = setup.ceilings[disk]] { return limit; };
    }
    for (unsigned host = 0; host < s.processes; ++host) start(host);
}

// The processes die, and what they submitted still happens: every request comes to its end.
Cluster::~Cluster() {
    faults_.on = false;
    for (Host& host : hosts_) host.process.reset();
    world_.run(Instant::max());
}

void Cluster::run() {
    storm();
    calm_down();
    await_calm();
    judge();
    world_.digest(world_.random().bits(64));  // the unseed: any stray draw shows in the hash
}

void Cluster::storm() {
    const Instant end = world_.now() + setup.storm;
    const unsigned due = setup.visitors == 0 ? 0 : setup.visitors + setup.processes;
    while ((world_.now() < end || arrived_ < due) && going_on()) {
        if (faults_.whim_every != 0 && world_.random().one_in(faults_.whim_every)) whim();
        if (!world_.step()) break;
    }
}

void Cluster::calm_down() {
    faults_.on = false;
    if (exchanged_.first != nullptr) exchange(*exchanged_.first, *exchanged_.second);
    for (auto& platter : platters_) {
        platter->gone_until = world_.now();
        platter->silent_until = std::min(platter->silent_until, world_.now() + setup.storm);
    }
    if (Platter* lost = setup.lose_a_disk ? pick(setup.faults.frail) : nullptr; lost != nullptr) {
        lost->gone_until = world_.now() + std::chrono::hours(24);  // longer than any run
        say(fmt::format("disk {} is lost for good", lost->number()));
    }
    for (Host& host : hosts_) {
        if (host.process) host.process->strand().held = false;
    }
    // Writes that failed in the storm have landed or vanished when their quarantine ends.
    const Instant end = world_.now() + setup.storm + setup.quarantine;
    world_.at(end, [] {});
    while (world_.now() < end && going_on()) world_.step();
    calm.set();
    say("calm");
}

void Cluster::await_calm() {
    const auto share = static_cast<int>(setup.processes * setup.geometry.cells * 4);
    const Instant end = world_.now() + setup.liveness_bound * share;
    while (!everyone_finished() && going_on() && world_.now() < end) {
        if (!world_.step()) break;
    }
    if (setup.liveness && !everyone_finished()) wrong("P14: not everybody finished in the calm");
}

bool Cluster::everyone_finished() {
    bool all = true;
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        const Process* process = hosts_[host].process.get();
        if (process != nullptr && !process->finished()) {
            all = false;
        } else if (finish_times_[host] == Instant()) {
            finish_times_[host] = world_.now();
        }
    }
    return all;
}

void Cluster::judge() {
    for (std::uint32_t cell = 0; cell < histories.size(); ++cell) {
        if (linearizable(histories[cell].operations(), {}, lineage(cell))) continue;
        wrong(fmt::format("P5: the history of cell {} is not linearizable", cell));
        for (const Operation& op : histories[cell].operations()) say("  " + describe(op));
    }
}

// Thousands of changes, hundreds of them untold: their order is searched along what was committed.
std::vector<std::uint64_t> Cluster::lineage(std::uint32_t cell) const {
    std::vector<std::uint64_t> numbers;
    if (setup.visitors == 0 || !violation().empty()) return numbers;
    for (const Bytes& value : invariants_.lineage(cell)) {
        numbers.push_back(value.empty() ? 0 : load<std::uint64_t>(value, 0));
    }
    return numbers;
}

// ---- the life of hosts ----

// A place is free if no live process uses its slot, and no write of its last user can still land.
bool Cluster::free(Place place) const {
    if (setup.shared_place) return place == 0;
    const auto ring = setup.geometry.ring;
    for (const Host& host : hosts_) {
        if (host.process && host.process->place() / ring == place / ring) return false;
    }
    const auto users = users_.find(place);
    return users == users_.end() ||
           std::ranges::all_of(users->second, [](const SimPath* path) { return path->drained(); });
}

std::vector<Place> Cluster::free_places() const {
    std::vector<Place> places;
    for (Place place = 0; place < setup.geometry.places(); ++place) {
        if (free(place)) places.push_back(place);
    }
    return places;
}

void Cluster::start(unsigned number) {
    Host& host = hosts_[number];
    const bool placed = setup.kinds() != DiskKinds::active;
    const std::optional<Place> place = placed ? draw_place(host) : no_place;
    if (!place) {  // every block may still be reached by a write of the dead: wait
        return world_.at(world_.now() + milliseconds(1), [this, number] { start(number); });
    }
    const std::vector<SimPath*> paths = new_paths(number);
    if (placed) users_[*place] = paths;
    host.last_place = *place;
    ++host.incarnation;
    const auto slot = static_cast<std::uint16_t>(*place / setup.geometry.ring);
    Proposer me = placed ? Proposer::of(slot, world_.random().bits(48))
                         : Proposer(world_.random().bits(64));
    const bool again = host.last_proposer != Proposer() &&
                       (!placed || host.last_proposer.slot() == me.slot());
    if (mutated(Mutant::rank_reused_at_restart) && again) me = host.last_proposer;
    host.last_proposer = me;
    const bool visitor = arrived_++ < setup.visitors;
    host.process =
        std::make_unique<Process>(world_, *this, number, *place, me, paths, visitor);
    say(fmt::format("process {} starts at place {} as {:x}", number, *place, me.value & 0xffffU));
}

std::optional<Place> Cluster::draw_place(Host& host) {
    const std::vector<Place> places = free_places();
    if (places.empty()) return std::nullopt;
    Place place = places[world_.random().below(places.size())];
    if (host.last_place != no_place && free(host.last_place) && world_.chance(500)) {
        place = host.last_place;
    }
    if (host.last_place != no_place) {
        marks.count(place == host.last_place ? Mark::restarted_in_place : Mark::restarted_elsewhere);
    }
    return place;
}

std::vector<SimPath*> Cluster::new_paths(unsigned host) {
    std::vector<SimPath*> paths = ways_.lay();
    for (const SimPath* path : paths) host_of_[path] = host;
    return paths;
}

// A visitor is done. It is still on its own stack: it goes a moment later, and another comes.
void Cluster::left(const Process& process) {
    marks.count(Mark::visitor_left);
    const unsigned number = process.number();
    const Instant soon = world_.now() + world_.between(Duration(1), setup.think);
    world_.at(soon, [this, number, incarnation = hosts_[number].incarnation] {
        Host& host = hosts_[number];
        if (!host.process || host.incarnation != incarnation) return;  // it has died meanwhile
        host.process.reset();
        start(number);
    });
}

void Cluster::crash(unsigned number) {
    Host& host = hosts_[number];
    if (!host.process) return;
    marks.count(Mark::crashed);
    if (host.process->operating()) marks.count(Mark::crashed_in_operation);
    say(fmt::format("process {} dies", number));
    host.process.reset();
    if (setup.visitors == 0 && world_.chance(150)) return;  // for good
    const Instant back = world_.now() + world_.between(Duration(0), milliseconds(5));
    world_.at(back, [this, number] { start(number); });
}

void Cluster::pause(unsigned number) {
    Host& host = hosts_[number];
    if (!host.process || host.process->strand().held) return;
    marks.count(Mark::paused);
    say(fmt::format("process {} is paused", number));
    host.process->strand().held = true;
    const Instant back = world_.now() + world_.between(microseconds(50), faults_.longest_hang);
    world_.at(back, [this, number, incarnation = host.incarnation] {
        Host& later = hosts_[number];
        if (later.process && later.incarnation == incarnation) later.process->strand().held = false;
    });
}

// ---- the storm ----

Platter* Cluster::pick(DiskSet disks) {
    if (disks.empty()) return nullptr;
    std::uint64_t turn = world_.random().below(disks.size());
    for (auto& platter : platters_) {
        if (disks.contains(platter->number()) && turn-- == 0) return platter.get();
    }
    UNREACHABLE();
}

void Cluster::whim() {
    const Faults& f = faults_;
    const unsigned weights[] = {f.crash, f.pause,    f.drive_hang, f.drive_gone, f.wipe,
                                f.rot,   f.exchange, f.roll_back,  f.blank,      f.agent_restart,
                                f.stranger};
    unsigned sum = 0;
    for (const unsigned weight : weights) sum += weight;
    if (sum == 0) return;
    std::uint64_t draw = world_.random().below(sum);
    unsigned what = 0;
    while (draw >= weights[what]) draw -= weights[what++];

    const auto host = static_cast<unsigned>(world_.random().below(hosts_.size()));
    Platter& any = *pick(DiskSet::first(setup.disks));
    const Instant until = world_.now() + world_.between(microseconds(100), f.longest_hang);
    switch (what) {
        case 0: return crash(host);
        case 1: return pause(host);
        case 2:
            marks.count(Mark::disk_silent);
            say(fmt::format("disk {} falls silent", any.number()));
            any.silent_until = until;
            return;
        case 3:
            marks.count(Mark::disk_gone);
            say(fmt::format("disk {} is gone", any.number()));
            any.gone_until = until;
            return;
        case 4:
        case 5:
        case 6:
            if (Platter* platter = pick(f.frail); platter != nullptr) harm_frail(*platter, what);
            return;
        case 9: {
            SimAgent* agent = ways_.agent(any.number());
            if (agent == nullptr) return;
            marks.count(Mark::agent_restarted);
            say(fmt::format("the agent of disk {} restarts", any.number()));
            return agent->restart();
        }
        case 10:
            if (SimAgent* agent = ways_.agent(any.number()); agent != nullptr) intrude(*agent);
            return;
        default:
            if (Platter* platter = pick(f.treacherous); platter != nullptr) {
                what == 7 ? take_image(*platter) : platter->format();
                platter->harmed |= what == 8;
                if (what == 8) marks.count(Mark::blanked);
            }
    }
}

void Cluster::exchange(Platter& one, Platter& other) {
    const bool back = exchanged_.first != nullptr;
    exchanged_ = back ? std::pair<Platter*, Platter*>{} : std::pair{&one, &other};
    one.exchange(other);
    marks.count(Mark::exchanged);
    say(fmt::format("disks {} and {} change places", one.number(), other.number()));
}

// Every other time: keeps an image, or puts the kept one back.
void Cluster::take_image(Platter& platter) {
    const auto kept = images_.find(platter.number());
    if (kept == images_.end()) {
        images_[platter.number()] = platter.image();
        return;
    }
    platter.restore(kept->second);
    platter.harmed = true;
    images_.erase(kept);
    marks.count(Mark::rolled_back);
    say(fmt::format("disk {} is rolled back", platter.number()));
}

// ---- what is watched ----

void Cluster::landed(const SimPath& path, Platter& platter, std::uint64_t block, Landing how) {
    if (how == Landing::late && !path.orphaned()) marks.count(Mark::late_write_of_living);
    if (path.orphaned() && hosts_[host_of_.at(&path)].process) marks.count(Mark::late_write);
    invariants_.landed(platter, block, how == Landing::faulty || exchanged_.first != nullptr);
}

void Cluster::overlapped(const SimPath& path, std::uint64_t block) {
    if (path.orphaned()) return;
    invariants_.overlapped(path.platter(), block);
}

void Cluster::executed(const SimPath&, std::uint32_t cell, const Block& block) {
    invariants_.pushed(cell, block);
}

void Cluster::came_across(const SimPath& path, Mark mark) {
    if (mark == Mark::step_late && path.orphaned()) say("a step of the dead");
    marks.count(mark);
}

void Cluster::told(const Process& process, std::uint32_t cell, std::size_t operation) {
    if (!verbose_) return;
    say(fmt::format("process {} cell {}: {}", process.number(), cell,
                    describe(histories[cell].operations()[operation])));
}

void Cluster::stepped(const Process& process, const Step& step) {
    world_.digest(static_cast<std::uint64_t>(step.kind) << 32 | step.rank.round);
    world_.digest(step.other.round ^ step.detail);
    invariants_.stepped(platters_, process.place(), step);
    const auto phase = std::pair{process.number(), step.rank};
    switch (step.kind) {
        case Step::Kind::phase_started: dropped_[phase] = 0; break;
        case Step::Kind::disk_refused: ++dropped_[phase]; break;
        case Step::Kind::read_done:
        case Step::Kind::write_done:
            if (dropped_[phase] > 0) marks.count(Mark::carried_by_others);
            break;
        case Step::Kind::read_refused: marks.count(Mark::read_refused); break;
        case Step::Kind::write_refused: marks.count(Mark::write_refused); break;
        case Step::Kind::unavailable: marks.count(Mark::too_few_disks); break;
        case Step::Kind::backed_off: marks.count(Mark::backed_off); break;
        case Step::Kind::rolled_back: marks.count(Mark::rolled_back_noticed); break;
        case Step::Kind::disk_failed:
            marks.count(step.detail != 0 ? Mark::write_failed : Mark::damage_met);
            break;
        default: break;
    }
    if (!verbose_) return;
    say(fmt::format("  p{} {} cell {} disk {} {} / {}", process.number(),
                    static_cast<int>(step.kind), step.cell, step.disk, describe(step.rank),
                    describe(step.other)));
}

void Cluster::say(const std::string& what) const {
    if (!verbose_) return;
    fmt::print(stderr, "{:>12} {}\n", world_.now().time_since_epoch().count(), what);
}

}  // namespace diskpaxos::sim
