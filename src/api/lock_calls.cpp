#include "api/lock_calls.hpp"

#include <fmt/format.h>

namespace diskpaxos::library {

namespace {

constexpr Timeout for_ever = std::chrono::hours(24 * 365 * 100);  // as ns too it is in range

LockMode as_lock_mode(api::Mode mode) {
    return mode == api::Mode::shared ? LockMode::shared : LockMode::exclusive;
}

Error no_session() {
    return {Code::lost, "the session is over; open another one"};
}

Error not_held(const Hold& hold) {
    return {Code::usage, fmt::format("lock \"{}\" is not held through this handle", hold.name)};
}

// One call of one handle, from when it starts to when it is answered.
class Busy {
  public:
    explicit Busy(Hold& hold) : hold_(hold) { hold_.busy = true; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy() { hold_.busy = false; }

  private:
    Hold& hold_;
};

Result<void> not_busy(const Hold& hold) {
    if (!hold.busy) return {};
    return std::unexpected(
        Error{Code::usage,
              fmt::format("another call on this handle of lock \"{}\" is under way", hold.name)});
}

// The home of the session, if the handle may make a call on what it holds.
Result<std::shared_ptr<Home>> home_of_holder(Engine& engine, const Hold& hold) {
    if (auto fine = not_busy(hold); !fine) return std::unexpected(fine.error());
    auto home = engine.home(hold.board->number);
    if (home == nullptr) return std::unexpected(no_session());
    if (home->room(hold.name).owner.get() != &hold) return std::unexpected(not_held(hold));
    return home;
}

// Waits until no other handle of this session has the room, which is ours then.
Task<Result<void>> enter(Home& home, Home::Room& room, std::shared_ptr<Hold> hold, bool wait,
                         Instant until) {
    while (room.owner != nullptr) {
        const bool lost = home.ending() || !home.session().sound();
        if (lost) co_return std::unexpected(home.why_over());
        const bool stopped = hold->stop.is_set() || home.stopping();
        if (!wait || stopped || home.world().clock.now() >= until) {
            co_return std::unexpected(
                Error{Code::busy,
                      fmt::format("lock \"{}\" is held through another handle of this session, "
                                  "or not let go yet",
                                  hold->name)});
        }
        room.changed.reset();
        co_await room.changed.wait_until(home.world().clock, until);
    }
    if (home.stopping()) hold->stop.set();
    room.owner = hold;
    co_return Result<void>();
}

void leave_room(Home& home, Home::Room& room, Hold& hold) {
    hold.token = 0;
    home.clear(room);
}

}  // namespace

Task<Result<std::uint64_t>> acquire(Engine& engine, std::shared_ptr<Hold> hold, api::Mode mode,
                                    Timeout patience) {
    if (auto fine = not_busy(*hold); !fine) co_return std::unexpected(fine.error());
    const std::shared_ptr<Home> home = engine.home(hold->board->number);
    if (home == nullptr) co_return std::unexpected(no_session());
    if (!home->session().sound()) co_return std::unexpected(home->why_over());
    Home::Room& room = home->room(hold->name);
    if (room.owner == hold) {
        co_return std::unexpected(
            Error{Code::usage,
                  fmt::format("lock \"{}\" is held through this handle already", hold->name)});
    }
    const Busy busy(*hold);
    hold->stop.reset();
    if (hold->dropped || engine.winding_down()) hold->stop.set();
    LockWish wish;
    wish.mode = as_lock_mode(mode);
    wish.wait = patience != api::try_once;
    wish.until = engine.world().clock.now() +
                 (patience < Timeout::zero() ? for_ever : std::min(patience, for_ever));
    wish.patience = engine.span({});
    wish.stop = &hold->stop;
    const Result<void> entered = co_await enter(*home, room, hold, wish.wait, wish.until);
    if (!entered) co_return std::unexpected(entered.error());
    Result<std::uint64_t> token = co_await room.lock.acquire(wish);
    if (!token) {
        if (room.lock.in_doubt())
            home->let_go(room);
        else
            leave_room(*home, room, *hold);
        if (!home->session().sound()) co_return std::unexpected(home->why_over());
        co_return token;
    }
    hold->token = *token;
    if (hold->dropped) home->let_go(room);
    co_return token;
}

Task<Result<void>> release(Engine& engine, std::shared_ptr<Hold> hold, Timeout timeout) {
    const auto home = home_of_holder(engine, *hold);
    if (!home) co_return std::unexpected(home.error());
    const Busy busy(*hold);
    Home::Room& room = (*home)->room(hold->name);
    hold->token = 0;  // at once, whatever comes of it; the room stays ours to try again
    Result<void> released = co_await room.lock.release(engine.deadline(timeout));
    const bool over = released || released.error().code == Code::lost;
    if (over)
        leave_room(**home, room, *hold);
    else if (hold->dropped)
        (*home)->let_go(room);
    co_return released;
}

Task<Result<std::uint64_t>> convert(Engine& engine, std::shared_ptr<Hold> hold, api::Mode mode,
                                    Timeout timeout) {
    const auto home = home_of_holder(engine, *hold);
    if (!home) co_return std::unexpected(home.error());
    const Busy busy(*hold);
    Home::Room& room = (*home)->room(hold->name);
    Result<std::uint64_t> token =
        co_await room.lock.convert(as_lock_mode(mode), engine.deadline(timeout));
    hold->token = room.lock.held() ? room.lock.token() : 0;
    if (hold->dropped) (*home)->let_go(room);
    co_return token;
}

Task<Result<void>> set_value(Engine& engine, std::shared_ptr<Hold> hold, std::string bytes,
                             Timeout timeout) {
    const auto home = home_of_holder(engine, *hold);
    if (!home) co_return std::unexpected(home.error());
    if (hold->token == 0) co_return std::unexpected(not_held(*hold));
    const Busy busy(*hold);
    Home::Room& room = (*home)->room(hold->name);
    const ByteView view = as_bytes(bytes);
    Bytes value(view.begin(), view.end());
    Result<void> set = co_await room.lock.set_value(std::move(value), engine.deadline(timeout));
    if (hold->dropped) (*home)->let_go(room);
    co_return set;
}

Task<Result<api::LockValue>> value(Engine& engine, std::shared_ptr<Hold> hold) {
    const auto home = home_of_holder(engine, *hold);
    if (!home) co_return std::unexpected(home.error());
    const Lock& lock = (*home)->room(hold->name).lock;
    co_return api::LockValue{std::string(as_text(lock.value())), lock.value_doubtful()};
}

void cancel(Engine& engine, Hold& hold) {
    if (const auto home = engine.home(hold.board->number)) home->stop(hold);
}

// A call that is under way comes to its end first, and then sees that nobody wants it any more.
void drop(Engine& engine, Hold& hold) {
    hold.dropped = true;
    const auto home = engine.home(hold.board->number);
    if (home == nullptr) return;
    home->stop(hold);
    Home::Room& room = home->room(hold.name);
    if (room.owner.get() == &hold && !hold.busy) home->let_go(room);
}

}  // namespace diskpaxos::library
