#include "sim/resident.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "group/adopt.hpp"
#include "group/values.hpp"

namespace diskpaxos::sim {

namespace {

constexpr std::size_t longest_history = 60;  // of one name: judging it takes exponential time

std::vector<Disk*> disks_of(const std::vector<SimPath*>& paths) {
    return {paths.begin(), paths.end()};
}

Content content_of(const Named& named) {
    const std::string_view text = as_text(named.value);
    Content content{named.version, 0};
    std::from_chars(text.data(), text.data() + text.size(), content.value);
    return content;
}

}  // namespace

// ---- all residents ----

Resident::Resident(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths)
    : around_(around),
      host_(std::move(host)),
      world_{strand_.queue, around.world().clock(), around.world().random(), *this},
      locks_(kernel),
      paths_(std::move(paths)),
      assembly_(world_, disks_of(paths_)) {
    around_.world().enter(strand_);
}

Resident::~Resident() {
    around_.world().leave(strand_);
    for (SimPath* path : paths_) path->owner_died();
}

void Resident::exit_with(std::optional<Error> error) {
    finished_ = true;
    error_ = std::move(error);
}

Place Resident::place() const {
    return has_slot() ? seat()->slot * group_->geometry().ring + seat()->ring_index : no_place;
}

void Resident::step(const Step& step) {
    if (seated()) around_.stepped(*this, step);
}

Task<Result<void>> Resident::sitting(Roster roster, Duration uptime, Instant deadline) {
    group_.emplace(world_, std::move(roster));
    SeatWish wish;
    wish.host = host_;
    wish.uptime = uptime;
    return group_->take_seat(locks_, std::move(wish), deadline);
}

// ---- users ----

User::User(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths,
           UserPlan plan)
    : Resident(around, kernel, std::move(host), std::move(paths)),
      plan_(plan),
      due_(around.calm()),
      keeping_(strand_.queue),
      scope_(strand_.queue) {
    scope_.spawn(live());
}

User::~User() = default;

Task<void> User::live() {
    auto assembling = assembly_.run(true, in(plan_.patience));
    Result<Roster> roster = co_await assembling;
    if (!roster) {
        exit_with(roster.error());
        co_return;
    }
    auto sit = sitting(std::move(*roster), plan_.uptime, in(plan_.patience));
    const Result<void> sat = co_await sit;
    if (!sat) {
        exit_with(sat.error());
        co_return;
    }
    directory_.emplace(*group_);
    around_.seated(*this);
    SimWorld& sim = around_.world();
    if (!due_ && plan_.keeper > 0 && sim.chance(plan_.keeper)) {
        keeper_.emplace(world_, group_->roster(), group_->rule(), locks_, host_, plan_.uptime,
                        seat()->slot);
        keeping_.spawn(keeper_->keep(leaving_));
    }
    const std::vector<std::string>& names = around_.names();
    const std::size_t rounds = due_ ? names.size() : plan_.operations;
    for (std::size_t n = 0; n < rounds && around_.calm() == due_; ++n) {
        if (!due_) co_await world_.clock.sleep(sim.between(Duration(0), plan_.think));
        const std::string& name = due_ ? names[n] : names[sim.random().below(names.size())];
        if (!due_ && around_.history(name).operations().size() >= longest_history) continue;
        static constexpr Operation::Kind kinds[] = {Operation::Kind::get, Operation::Kind::add,
                                                    Operation::Kind::add, Operation::Kind::swap};
        const Operation::Kind kind = due_ ? Operation::Kind::add : kinds[sim.random().below(4)];
        const Duration least = due_ ? plan_.deadline : microseconds(200);
        auto working = work(name, kind, in(sim.between(least, plan_.deadline)));
        co_await working;
        if (!due_) continue;
        auto reading = work(name, Operation::Kind::get, in(plan_.deadline));
        co_await reading;
    }
    if (keeper_) {
        auto giving = give_back();
        co_await giving;
    }
    exit_with(std::nullopt);
}

// As node/open_group.cpp does it.
Task<void> User::give_back() {
    leaving_.set();
    co_await keeping_.idle().wait();
    auto looking = keeper_->owns_more();
    const bool more = co_await looking;
    if (!more) co_return;
    const Duration ttl = std::chrono::milliseconds(group_->roster().common.ttl_ms);
    auto leaving = group_->leave_seat(locks_, in(ttl / 20));
    const bool gone = co_await leaving;
    if (!gone) co_return;
    left_ = true;
    around_.unseated(*this);
    auto giving = keeper_->give_back_rest();
    const std::vector<std::uint32_t> given = co_await giving;
    around_.say(fmt::format("{} gives {} slots back", host_.name, given.size()));
}

// Names that begin with '!' are decided once; the others count and swap.
Task<void> User::work(std::string name, Operation::Kind kind, Instant deadline) {
    if (name[0] == '!' && kind != Operation::Kind::get) kind = Operation::Kind::propose;
    const Operation operation = draw(kind);
    const std::size_t id = around_.history(name).begin(operation);
    const auto amount = static_cast<std::int64_t>(operation.argument);
    const std::string text = fmt::to_string(operation.argument);
    Result<Named> outcome;
    if (kind == Operation::Kind::get) {
        auto getting = directory_->get(name, deadline);
        outcome = co_await getting;
    } else if (kind == Operation::Kind::add) {
        auto adding = increment(*directory_, name, amount, deadline);
        outcome = co_await adding;
    } else if (kind == Operation::Kind::swap) {
        auto swapping = compare_and_swap(*directory_, name, operation.expected, text, deadline);
        outcome = co_await swapping;
    } else {
        auto proposing = propose(*directory_, name, text, deadline);
        outcome = co_await proposing;
    }
    tell(name, id, kind, outcome);
}

Operation User::draw(Operation::Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.process = static_cast<unsigned>(seat()->me.value & 0xffffU);
    operation.expected = known_version_;
    SimWorld& sim = around_.world();
    const bool small = kind == Operation::Kind::add;
    operation.argument = small ? 1 + sim.random().below(9) : sim.random().bits(30);
    return operation;
}

void User::tell(const std::string& name, std::size_t id, Operation::Kind kind,
                const Result<Named>& outcome) {
    History& history = around_.history(name);
    const bool reading = kind == Operation::Kind::get;
    if (outcome) {
        const Content seen = content_of(*outcome);
        known_version_ = seen.version;
        const bool applied = !reading && outcome->applied;
        if (reading || outcome->exact) {
            history.end(id, Operation::Fate::happened, applied, seen);
        } else {
            history.end(id, Operation::Fate::happened, applied);
            history.saw_along(id, seen);
        }
    } else if (reading || outcome.error().code == Code::no_quorum ||
               outcome.error().code == Code::full) {
        history.end(id, Operation::Fate::never);
    }  // else it stays open: nobody knows
    around_.say(fmt::format("user {:x} of {}: {} {}", seat()->me.value & 0xffffU, host_.name, name,
                            describe(history.operations()[id])));
    if (outcome || outcome.error().code == Code::full) return;
    const bool tolerable =
        outcome.error().code == Code::no_quorum || outcome.error().code == Code::unknown_outcome;
    if (tolerable && !due_) return;
    around_.wrong(fmt::format("P14: {} of {} ended with {}: {}", name, host_.name,
                              word(outcome.error().code), outcome.error().sentence));
}

// ---- menders ----

Mender::Mender(Neighbourhood& around, Kernel& kernel, Host host, std::vector<SimPath*> paths,
               Duration uptime)
    : Resident(around, kernel, std::move(host), std::move(paths)),
      uptime_(uptime),
      scope_(strand_.queue) {
    scope_.spawn(live());
}

// What `check --repair` does, in its order.
Task<void> Mender::live() {
    const Instant deadline = in(std::chrono::minutes(1));
    auto assembling = assembly_.run(true, deadline);
    Result<Roster> roster = co_await assembling;
    if (!roster) {
        exit_with(roster.error());
        co_return;
    }
    Adoption adoption(world_, *roster, roster->only_missing());  // disks are wiped here, not lost
    auto adopting = adoption.run();
    co_await adopting;
    const Threshold rule = Threshold::majority(roster->disks());
    if (roster->common.kinds() != DiskKinds::active) {
        Healer healer(world_, *roster, rule, locks_, host_);
        auto healing = healer.run(deadline);
        const Result<HealReport> healed = co_await healing;
        if (!healed) {
            exit_with(healed.error());
            co_return;
        }
        healed_ = *healed;
    }
    if (!roster->active().empty()) {
        auto healing = heal_registers(*roster, deadline);
        const Result<void> healed = co_await healing;
        // In a group that is full of hosts, those without a slot leave the registers to the others.
        if (!healed && healed.error().code != Code::no_slot) {
            exit_with(healed.error());
            co_return;
        }
    }
    if (around_.calm()) {
        Checker checker(world_, *roster, rule);
        auto checking = checker.run();
        checked_ = co_await checking;
    }
    exit_with(std::nullopt);
}

// Registers of active disks, by a process with a seat; and where nobody has a slot, the superblocks.
Task<Result<void>> Mender::heal_registers(const Roster& roster, Instant deadline) {
    auto sit = sitting(roster, uptime_, std::max(deadline, in(std::chrono::seconds(10))));
    const Result<void> sat = co_await sit;
    if (!sat) co_return std::unexpected(sat.error());
    around_.seated(*this);
    RegisterHealer healer(*group_);
    auto healing = healer.run(std::chrono::seconds(5));
    registers_ = co_await healing;
    if (roster.common.kinds() != DiskKinds::active) co_return Result<void>();
    const Threshold rule = Threshold::majority(roster.disks());
    Healer last(world_, roster, rule, locks_, Host());
    auto ending = last.run_without_slots();
    Result<HealReport> healed = co_await ending;
    if (!healed) co_return std::unexpected(healed.error());
    healed_ = std::move(*healed);
    co_return Result<void>();
}

}  // namespace diskpaxos::sim
