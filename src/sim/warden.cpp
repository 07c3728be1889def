#include "sim/warden.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace diskpaxos::sim {

namespace {

std::vector<Disk*> disks_of(const std::vector<SimPath*>& paths) {
    return {paths.begin(), paths.end()};
}

SessionRef holder_of(const Lock& lock, std::uint64_t token) {
    const auto& holders = lock.record().holders;
    const auto holder = std::ranges::find(holders, token, &Holder::token);
    return holder == holders.end() ? SessionRef() : holder->session;
}

}  // namespace

Warden::Warden(Watchmen& around, LocalClock& clock, Kernel& kernel, Host host,
               std::vector<SimPath*> paths, std::vector<std::string> locks, WardenPlan plan)
    : around_(around),
      clock_(clock),
      host_(std::move(host)),
      world_{strand_.queue, clock, around.world().random(), *this},
      kernel_locks_(kernel),
      paths_(std::move(paths)),
      locks_(std::move(locks)),
      plan_(plan),
      assembly_(world_, disks_of(paths_)),
      name_(host_.name),
      errands_(strand_.queue),
      scope_(strand_.queue) {
    around_.world().enter(strand_);
    scope_.spawn(live());
}

Warden::~Warden() {
    around_.world().leave(strand_);
    for (SimPath* path : paths_) path->owner_died();
}

void Warden::step(const Step& step) {
    if (seated()) around_.stepped(*this, step);
}

void Warden::say(const std::string& what) const {
    around_.say(name_ + ": " + what);
}

void Warden::exit_with(std::optional<Error> error) {
    finished_ = true;
    error_ = std::move(error);
}

// ---- a seat and a session ----

Task<bool> Warden::sit() {
    auto assembling = assembly_.run(true, in(plan_.patience));
    Result<Roster> roster = co_await assembling;
    if (!roster) {
        exit_with(roster.error());
        co_return false;
    }
    group_.emplace(world_, std::move(*roster));
    directory_.emplace(*group_);
    SeatWish wish;
    wish.host = host_;
    wish.uptime = plan_.uptime;
    auto sitting = group_->take_seat(kernel_locks_, std::move(wish), in(plan_.patience));
    const Result<void> sat = co_await sitting;
    if (!sat) exit_with(sat.error());
    co_return sat.has_value();
}

Task<void> Warden::live() {
    auto sitting = sit();
    if (!co_await sitting) co_return;
    const Seat& seat = *group_->seat();
    const auto slot = seat.announced() ? static_cast<std::uint16_t>(seat.slot) : any_slot;
    name_ = fmt::format("{}, {}, {:x}", host_.name,
                        seat.announced() ? fmt::format("slot {}", slot) : "no slot",
                        seat.me.value & 0xffffU);
    SessionOwner owner{host_.name, host_.boot, 1, "warden", 0};
    session_.emplace(world_, *directory_, slot, std::move(owner), milliseconds(plan_.ttl_ms));
    scope_.spawn(watch_session());
    errands_.spawn(keep_a_session());
    for (const std::string& lock : locks_) errands_.spawn(work(lock));
    co_await errands_.idle().wait();
    while (session_->open()) {
        const Result<void> left = co_await session_->leave(in(plan_.patience));
        say(left ? "leaves" : "leaves: " + left.error().sentence);
    }
    exit_with(std::nullopt);
}

// Opens one, and after it was lost another.
Task<void> Warden::keep_a_session() {
    for (bool again = false; !around_.calm() || plan_.due; again = true) {
        if (session_->open()) {
            co_await world_.clock.sleep(session_->timing().renewal());
            if (plan_.due) co_return;
            continue;
        }
        if (again && chance(500)) co_await world_.clock.sleep(some(2 * session_->timing().ttl()));
        const Result<void> opened = co_await session_->open(in(plan_.patience));
        if (opened) {
            say(fmt::format("session {}.{}", session_->ref().slot, session_->ref().epoch));
        } else {
            say("no session: " + opened.error().sentence);
            co_await world_.clock.sleep(session_->timing().renewal());
        }
    }
}

// L6: what has ended stays so.
Task<void> Warden::watch_session() {
    SessionRef ref;
    Instant until{};
    for (;;) {
        co_await session_->changed().wait();
        session_->changed().reset();
        const bool same = ref == session_->ref();
        if (same && session_->valid_until() > until && world_.clock.now() >= until) {
            around_.judge().violate("L6: a session that had ended goes on: " + name_);
        }
        if (!session_->open()) say("session is over: " + session_->why_lost().sentence);
        ref = session_->ref();
        until = session_->valid_until();
    }
}

// ---- errands ----

Task<void> Warden::work(std::string name) {
    std::optional<Lock> lock;
    SessionRef session;
    while (!around_.calm() || plan_.due) {
        if (!plan_.steady && !plan_.due) co_await world_.clock.sleep(some(plan_.think));
        if (!session_->sound()) {
            co_await world_.clock.sleep(session_->timing().renewal() / 4);
            continue;
        }
        if (!lock || session != session_->ref()) {
            session = session_->ref();
            lock.emplace(world_, *directory_, *session_, name);
        }
        auto running = errand(*lock);
        co_await running;
        if (lock->token() != 0) {  // what it holds goes with its session
            lock.reset();
            if (around_.calm()) co_return;
        }
        if (plan_.due) co_return;
    }
}

LockWish Warden::draw_wish() {
    LockWish wish;
    wish.mode = !plan_.due && !plan_.steady && chance(plan_.readers) ? LockMode::shared
                                                                     : LockMode::exclusive;
    wish.wait = plan_.due || plan_.steady || chance(700);
    wish.until = in(plan_.due ? plan_.wait : some(plan_.wait));
    wish.patience = plan_.patience;
    return wish;
}

Task<void> Warden::errand(Lock& lock) {
    const LockWish wish = draw_wish();
    LockJudge& judge = around_.judge();
    const std::uint64_t floor = judge.largest_token(lock.name());
    auto acquiring = lock.acquire(wish);
    const Result<std::uint64_t> token = co_await acquiring;
    if (!token) {
        around_.met(*this, token.error().code);
        say(fmt::format("{}: {}", lock.name(), token.error().sentence));
        const std::string_view what = word(token.error().code);
        if (plan_.due)
            judge.violate(fmt::format("L7: {} does not get {}: {}: {}", name_, lock.name(), what,
                                      token.error().sentence));
        auto breaking = break_a_holder(lock);
        if (token.error().code == Code::busy && chance(plan_.breaks)) co_await breaking;
        co_return;
    }
    Holding& holding = holding_[lock.name()];
    holding = {lock.name(), holder_of(lock, *token), wish.mode, *token};
    judge.granted(holding, floor, lock.value());
    ++grants_;
    say("has " + describe(holding));
    auto keeping = hold(lock, holding);
    co_await keeping;
    if (plan_.keep) co_return;
    holding_.erase(lock.name());
    auto releasing = let_go(lock);
    co_await releasing;
}

Task<void> Warden::hold(Lock& lock, Holding& holding) {
    const std::uint64_t acts = plan_.steady ? 1 : around_.world().random().below(5);
    for (std::uint64_t n = 0; n < acts && lock.held(); ++n) {
        auto acting = act(lock, holding);
        co_await acting;
        if (plan_.steady || !chance(400)) continue;
        auto varying = vary(lock, holding);
        co_await varying;
    }
}

// Tested before it is begun, ended before the lease that was known then: not more is promised.
Task<void> Warden::act(Lock& lock, Holding& holding) {
    if (!lock.held()) co_return;
    SimWorld& sim = around_.world();
    const bool to_the_last = !plan_.steady && chance(150);
    const Instant wanted = in(some(plan_.hold) + Duration(1));
    const Instant end =
        to_the_last ? session_->valid_until() : std::min(wanted, session_->valid_until());
    const Instant truly = clock_.when(end);
    around_.judge().acted(holding, sim.now(), truly);
    // What reaches the resource may come late, long after the act.
    const Instant arrives = sim.between(Duration(0), truly - sim.now()) + sim.now();
    const bool late = chance(100);
    const Duration delay = late ? some(2 * session_->timing().ttl()) : Duration(0);
    sim.at(arrives + delay, [&judge = around_.judge(), holding] { judge.wrote(holding); });
    co_await world_.clock.sleep_until(end);
}

void Warden::act_to_the_end() {
    if (!session_ || !session_->sound()) return;
    for (const auto& [lock, holding] : holding_) {
        if (holding.session != session_->ref()) continue;
        around_.judge().acted(holding, around_.world().now(), clock_.when(session_->valid_until()));
    }
}

// Between two acts: the mode changes, or the value.
Task<void> Warden::vary(Lock& lock, Holding& holding) {
    const bool exclusive = holding.mode == LockMode::exclusive;
    if (exclusive && chance(600)) {
        Bytes value(1 + around_.world().random().below(8));
        for (std::byte& byte : value)
            byte = static_cast<std::byte>(around_.world().random().below(256));
        auto setting = lock.set_value(std::move(value), in(plan_.patience));
        const Result<void> set = co_await setting;
        if (!set) say("sets no value: " + set.error().sentence);
        co_return;
    }
    if (exclusive) holding.mode = LockMode::shared;  // whatever comes of it, we ask for no more
    const LockMode mode = exclusive ? LockMode::shared : LockMode::exclusive;
    const std::uint64_t floor = around_.judge().largest_token(lock.name());
    auto converting = lock.convert(mode, in(plan_.patience));
    const Result<std::uint64_t> token = co_await converting;
    say(fmt::format("{} converts: {}", lock.name(), token ? "yes" : token.error().sentence));
    if (!token || mode == LockMode::shared) co_return;
    holding.mode = mode;
    if (*token == holding.token) co_return;  // a downgrade before it was never committed
    holding.token = *token;
    around_.judge().granted(holding, floor, lock.value());
}

// Until it is known to be done, or our session is over: then it is over for the lock as well.
Task<void> Warden::let_go(Lock& lock) {
    const SessionRef session = session_->ref();
    while (session_->sound() && session == session_->ref()) {
        auto releasing = lock.release(in(plan_.patience));
        const Result<void> released = co_await releasing;
        say(fmt::format("{} is released{}", lock.name(),
                        released ? "" : ": " + released.error().sentence));
        if (released || released.error().code == Code::lost) break;
        if (around_.calm()) break;  // leaving the session will do
        co_await world_.clock.sleep(session_->timing().renewal() / 8);
    }
}

Task<void> Warden::break_a_holder(Lock& lock) {
    if (lock.record().holders.empty()) co_return;
    const SessionRef victim = lock.record().holders.front().session;
    if (victim.slot == session_->ref().slot) co_return;
    around_.judge().broken(victim);
    say(fmt::format("breaks session {}.{}", victim.slot, victim.epoch));
    SessionWatch watch(world_, *directory_, victim);
    Evictor us{host_.name, host_.boot, 1};
    auto evicting = watch.evict_now(std::move(us), in(plan_.patience));
    (void)co_await evicting;
}

}  // namespace diskpaxos::sim
