#include "api/home.hpp"

#include <sys/eventfd.h>

#include "base/check.hpp"
#include "io/loop.hpp"

namespace diskpaxos::library {

namespace {

std::int64_t ns(Instant instant) {
    return instant.time_since_epoch().count();
}

}  // namespace

// ---- the board ----

Board::Board() : fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(fd.number() >= 0);
}

// By the caller's own look at the clock: however late our thread may be, nobody is told too long
// that the session is sound.
api::SessionState Board::state() const {
    if (phase == Phase::left) return api::SessionState::left;
    const std::int64_t now = ns(io::boot_time());
    if (phase == Phase::lost || now >= valid_until_ns) return api::SessionState::lost;
    return now >= danger_from_ns ? api::SessionState::danger : api::SessionState::sound;
}

bool Board::held() const {
    return phase == Phase::open && ns(io::boot_time()) < valid_until_ns;
}

Error Board::why_lost() const {
    const std::lock_guard guard(mutex_);
    return why_lost_;
}

void Board::set_why_lost(Error why) {
    const std::lock_guard guard(mutex_);
    why_lost_ = std::move(why);
}

// ---- the session ----

Home::Home(World& world, Directory& directory, std::uint16_t slot, SessionOwner owner,
           std::optional<Duration> ttl, std::shared_ptr<Board> board, Delivery& delivery)
    : world_(world),
      directory_(directory),
      board_(std::move(board)),
      delivery_(delivery),
      session_(world, directory, slot, std::move(owner), ttl),
      scope_(world.queue) {}

Task<Result<void>> Home::open(Instant deadline) {
    Result<void> opened = co_await session_.open(deadline);
    if (!opened) {
        phase_ = Phase::over;
        co_return opened;
    }
    phase_ = Phase::open;
    shown_ = api::SessionState::sound;
    board_->danger_from_ns = ns(session_.terminate_at());
    board_->valid_until_ns = ns(session_.valid_until());
    board_->phase = Board::Phase::open;
    scope_.spawn(publish());
    co_return opened;
}

// With the lease over, the session is on its way to be lost, and says so.
Task<void> Home::publish() {
    while (phase_ == Phase::open) {
        session_.changed().reset();
        show();
        const Instant now = world_.clock.now();
        if (now < session_.terminate_at()) {
            co_await session_.changed().wait_until(world_.clock, session_.terminate_at());
        } else if (now < session_.valid_until()) {
            co_await session_.changed().wait_until(world_.clock, session_.valid_until());
        } else if (!session_.lost().is_set()) {
            co_await session_.changed().wait();
        }
    }
}

void Home::show() {
    board_->danger_from_ns = ns(session_.terminate_at());
    board_->valid_until_ns = ns(session_.valid_until());
    if (session_.lost().is_set()) {
        phase_ = Phase::over;
        board_->set_why_lost(session_.why_lost());
        board_->phase = Board::Phase::lost;
        stop_all();
    }
    const api::SessionState state = board_->state();
    if (state != shown_) announce(state);
}

void Home::announce(api::SessionState state) {
    shown_ = state;
    const bool alarm = state == api::SessionState::danger || state == api::SessionState::lost;
    eventfd_t count = 0;
    if (alarm)
        CHECK(eventfd_write(board_->fd.number(), 1) == 0);
    else
        eventfd_read(board_->fd.number(), &count);  // fails if it was quiet, which is fine
    if (board_->changed) delivery_.put([board = board_, state] { board->changed(state); });
}

Task<Result<void>> Home::leave(Instant deadline) {
    if (phase_ != Phase::open) co_return Result<void>();
    phase_ = Phase::leaving;
    board_->phase = Board::Phase::left;
    stop_all();
    Result<void> left = co_await session_.leave(deadline);
    phase_ = Phase::over;
    session_.changed().set();  // ends publish()
    announce(api::SessionState::left);
    co_return left;
}

Error Home::why_over() {
    if (session_.lost().is_set()) return session_.why_lost();
    return {Code::lost, "the session was left"};
}

// ---- the rooms ----

Home::Room& Home::room(const std::string& name) {
    return rooms_.try_emplace(name, world_, directory_, session_, name).first->second;
}

void Home::clear(Room& room) {
    room.owner.reset();
    room.changed.set();
}

void Home::stop(Hold& hold) {
    hold.stop.set();
    room(hold.name).changed.set();
}

// Handles that wait for another one's turn are in no room yet: they see the flag.
void Home::stop_all() {
    stopping_ = true;
    for (auto& [name, room] : rooms_) {
        if (room.owner) room.owner->stop.set();
        room.changed.set();
    }
}

// The room is nobody's any more, and not free yet.
void Home::let_go(Room& room) {
    room.owner = std::make_shared<Hold>();
    scope_.spawn(keep_releasing(room));
}

Task<void> Home::keep_releasing(Room& room) {
    for (;;) {
        const Instant deadline = world_.clock.now() + session_.timing().attempt();
        const Result<void> released = co_await room.lock.release(deadline);
        if (released || released.error().code == Code::lost || !session_.sound()) break;
        co_await world_.clock.sleep(session_.timing().renewal());
    }
    clear(room);
}

}  // namespace diskpaxos::library
