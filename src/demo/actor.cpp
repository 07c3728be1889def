#include "demo/actor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "async/scope.hpp"
#include "group/values.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

constexpr const char* lock_name = "stage";
constexpr const char* counter_name = "counter";
constexpr Duration for_ever = 1h;

SessionOwner owner_of(const node::ThisHost& host) {
    SessionOwner owner;
    owner.host_name = host.host.name;
    owner.boot = host.host.boot;
    owner.pid = static_cast<std::uint32_t>(getpid());
    owner.command = "diskpaxos demo";
    owner.since_ms = node::unix_ms();
    owner.time_of_day = node::unix_ms;
    return owner;
}

std::uint64_t nanoseconds(Instant at) {
    return static_cast<std::uint64_t>(at.time_since_epoch().count());
}

std::uint64_t number_in(const Bytes& value) {
    const std::string_view text = as_text(value);
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

bool Actor::perform(const Play& play, unsigned number) {
    std::vector<Plug*> plugs;
    node::OpenOptions options;
    options.disks = play.disks();
    options.timeout = std::max(10 * play.ttl(), Duration(10s));
    // What went back would have to be claimed, from a majority that some chapter has taken away.
    options.give_back = false;
    options.before = [&](std::unique_ptr<Disk> disk) {
        auto plug =
            std::make_unique<Plug>(std::move(disk), play.directions().unplugged[plugs.size()]);
        plugs.push_back(plug.get());
        return plug;
    };
    auto group = node::OpenGroup::join(std::move(options));
    if (!group) {
        fmt::print(stderr, "process {}: {}\n", number + 1, group.error().sentence);
        return false;
    }
    Actor actor(play, number, std::move(*group), std::move(plugs));
    return actor.perform();
}

Actor::Actor(const Play& play, unsigned number, std::unique_ptr<node::OpenGroup> group,
             std::vector<Plug*> plugs)
    : play_(play),
      number_(number),
      random_(play.seed() * 31 + number),
      group_(std::move(group)),
      plugs_(std::move(plugs)),
      directory_(group_->group()),
      session_(group_->world(), directory_,
               static_cast<std::uint16_t>(group_->group().seat()->slot),
               owner_of(*node::this_host(group_->roster().common.group))),
      resource_(play.resource()) {}

bool Actor::perform() {
    const Result<void> entered = group_->run(enter());
    if (!entered) {
        fmt::print(stderr, "process {}: {}\n", number_ + 1, entered.error().sentence);
        return false;
    }
    Scope scope(group_->world().queue);
    acting_ = 2;
    scope.spawn(contend());
    scope.spawn(count());
    scope.spawn(tend_plugs());
    group_->real().loop().run_until(scope.idle());
    return true;
}

Task<Result<void>> Actor::enter() {
    Result<void> opened = co_await session_.open(group_->deadline());
    if (opened) note(Happening::joined);
    co_return opened;
}

// ---- the lock ----

Task<void> Actor::contend() {
    Lock lock(group_->world(), directory_, session_, lock_name);
    while (!curtain()) {
        const bool in_session = co_await have_session();
        if (!in_session) continue;
        note(Happening::waiting);
        LockWish wish;
        wish.until = clock().now() + for_ever;
        wish.patience = play_.ttl();
        const Result<std::uint64_t> token = co_await lock.acquire(wish);
        if (!token) {
            if (session_.sound()) co_await pause(5ms, 15ms);
            continue;
        }
        co_await act_under(lock);
        co_await let_go(lock);
        co_await pause(1ms, 3ms);
    }
    (void)co_await session_.leave(clock().now() + play_.ttl());
    note(Happening::left);
    --acting_;
}

// Opens a new session if the old one is over.
Task<bool> Actor::have_session() {
    if (session_.sound()) co_return true;
    if (!told_lost_) note(Happening::lost);
    told_lost_ = true;
    co_await session_.lost().wait();
    const Result<void> opened = co_await session_.open(clock().now() + play_.ttl());
    if (!opened) co_return false;
    told_lost_ = false;
    note(Happening::joined);
    co_return true;
}

// Tests the lease, and then writes. Between the two there is a gap that no clock can close: whoever
// is told to linger does so just there, and may be stopped or killed while it does.
Task<void> Actor::act_under(Lock& lock) {
    Event holding = event(Happening::holding);
    holding.token = lock.token();
    note(holding);
    co_await pause(3ms, 9ms);
    if (!lock.held()) co_return;
    Directions& directions = play_.directions();
    unsigned nobody = 0;
    if (directions.linger && directions.lingering.compare_exchange_strong(nobody, number_ + 1)) {
        while (directions.linger && !curtain()) co_await clock().sleep(1ms);
    }
    Event wrote = event(Happening::wrote);
    wrote.token = lock.token();
    const Resource::Answer answer = resource_.write(lock.token(), getpid());
    if (!answer.accepted) {
        wrote.what = Happening::refused;
        wrote.largest = answer.largest;
    }
    wrote.at = now();
    note(wrote);
}

Task<void> Actor::let_go(Lock& lock) {
    Event released = event(Happening::released);
    released.token = lock.token();
    if (!session_.sound()) released.what = Happening::lost;
    told_lost_ = released.what == Happening::lost;
    note(released);
    for (;;) {  // until it is known
        const Result<void> done = co_await lock.release(clock().now() + play_.ttl());
        if (done || done.error().code == Code::lost) co_return;
        co_await pause(5ms, 15ms);
    }
}

// ---- the counter ----

Task<void> Actor::count() {
    while (!curtain()) {
        co_await pause(10ms, 30ms);
        sim::Operation operation;
        operation.process = number_;
        operation.kind = random_.one_in(4) ? sim::Operation::Kind::get : sim::Operation::Kind::add;
        if (operation.kind == sim::Operation::Kind::add) operation.argument = 1;
        operation.start = nanoseconds(now());
        Note begun{Note::Kind::begun, {}, operation};
        play_.send(begun);
        co_await ask(operation);
        Note ended{Note::Kind::ended, {}, operation};
        play_.send(ended);
    }
    --acting_;
}

Task<void> Actor::ask(sim::Operation& operation) {
    const Instant deadline = clock().now() + for_ever;
    Result<Named> told = std::unexpected(Error{});
    if (operation.kind == sim::Operation::Kind::get) {
        told = co_await directory_.get(counter_name, deadline);
    } else {
        told = co_await increment(directory_, counter_name, 1, deadline);
    }
    operation.end = nanoseconds(now());
    if (!told) co_return;  // it stays open
    operation.fate = sim::Operation::Fate::happened;
    operation.applied = operation.kind != sim::Operation::Kind::get;
    if (told->exact) operation.seen = sim::Content{told->version, number_in(told->value)};
}

// ---- the rest ----

Task<void> Actor::tend_plugs() {
    while (acting_ > 0) {
        for (Plug* plug : plugs_) plug->look();
        co_await clock().sleep(2ms);
    }
}

Event Actor::event(Happening what) const {
    Event event;
    event.at = now();
    event.what = what;
    event.subject = static_cast<std::uint8_t>(number_);
    event.pid = getpid();
    if (session_.open())
        event.margin = std::max(Duration::zero(), session_.valid_until() - event.at);
    return event;
}

void Actor::note(const Event& event) const {
    Note note;
    note.event = event;
    play_.send(note);
}

Task<void> Actor::pause(Duration least, Duration most) {
    const auto room = static_cast<std::uint64_t>((most - least).count());
    co_await clock().sleep(least + Duration(static_cast<std::int64_t>(random_.below(room))));
}

}  // namespace diskpaxos::demo
