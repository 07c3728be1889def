// What stands between a waiter and the lock: the sessions of those who hold it, and of those ahead.
#include <algorithm>

#include "lock/lock.hpp"
#include "lock/queue.hpp"

namespace diskpaxos {

// Looks at the sessions of those holders that stand in our way, each when it is due, and drops
// from record_ those that are over. The first is watched closely, the others follow if it goes.
// Readers watch readers only where the dead among them have used up the room.
Task<Result<bool>> Lock::watch_holders(LockWish wish) {
    const std::vector<Holder> holders = record_.holders;
    forget_watches();
    bool freed = false;
    Duration interval = session_.timing().renewal();
    for (const Holder& holder : holders) {
        const bool harmless = compatible(record_, wish.mode) && has_room(record_);
        if (holder.session == session_.ref() || harmless) continue;
        const Result<bool> gone = co_await is_over(holder.session, interval, wish.patience);
        if (!gone) co_return std::unexpected(gone.error());
        if (*gone) freed = drop(record_, holder.session) || freed;
        interval = session_.timing().observe();
    }
    co_return freed;
}

// Looks at the sessions of those who stand ahead of us, although nobody who holds the lock is in
// our way, and takes from record_ the places of those that are over.
Task<Result<bool>> Lock::watch_places(LockWish wish) {
    const std::size_t count = ahead(record_, session_.ref(), wish.mode);
    if (count == 0 || !compatible(record_, wish.mode)) co_return false;
    if (wish.wait && world_.clock.now() < next_places_) co_return false;
    next_places_ = world_.clock.now() + session_.timing().renewal();
    const std::vector<Waiter> places(record_.waiters.begin(),
                                     record_.waiters.begin() + static_cast<std::ptrdiff_t>(count));
    bool freed = false;
    for (const Waiter& waiter : places) {
        const Instant deadline = world_.clock.now() + wish.patience;
        const Result<Named> cell = co_await directory_.look(session_name(waiter.slot), deadline);
        if (!cell) co_return std::unexpected(cell.error());
        const auto session = cell->state == CellState::session ? decode_session(cell->value)
                                                               : std::nullopt;
        Result<bool> gone = true;
        const SessionRef ref{waiter.slot, session ? session->epoch() : 0};
        if (session && session->state == SessionState::live && waiter.is(ref)) {
            gone = co_await is_over(ref, Duration(0), wish.patience);
        }
        if (!gone) co_return std::unexpected(gone.error());
        if (!*gone) continue;
        void_places_.push_back(waiter);
        freed = std::erase(record_.waiters, waiter) > 0 || freed;
    }
    co_return freed;
}

// Whether this session is known to be over, after a look at it if one is due; evicts it if it has
// expired. The next look: `interval` later, or when it could show that.
Task<Result<bool>> Lock::is_over(SessionRef session, Duration interval, Duration patience) {
    if (is_gone(session)) co_return true;
    Watched& watched = this->watched(session);
    const Instant now = world_.clock.now();
    if (now < watched.next_look) co_return false;
    const Evictor us{session_.owner().host_name, session_.owner().boot, session_.owner().pid};
    Result<Liveness> alive = co_await watched.watch.look(now + patience);
    if (alive && *alive == Liveness::expired) {
        alive = co_await watched.watch.evict(us, world_.clock.now() + patience);
    }
    if (!alive) co_return std::unexpected(alive.error());
    if (*alive == Liveness::gone) gone_.push_back(session);
    const Instant later = world_.clock.now() + interval;
    watched.next_look = std::min(later, std::max(watched.watch.expires(), now));
    co_return *alive == Liveness::gone;
}

Lock::Watched& Lock::watched(SessionRef session) {
    auto [entry, fresh] =
        watches_.try_emplace(session, Watched{{world_, directory_, session}, world_.clock.now()});
    const auto note = std::ranges::find(recalled_, session, &Note::session);
    if (fresh && note != recalled_.end()) entry->second.watch.recall(*note);
    return entry->second;
}

std::vector<Note> Lock::notes() const {
    std::vector<Note> notes;
    for (const auto& [session, watched] : watches_) {
        if (watched.watch.note() && !is_gone(session)) notes.push_back(*watched.watch.note());
    }
    return notes;
}

std::vector<Obstacle> Lock::obstacles() const {
    std::vector<Obstacle> obstacles;
    for (const auto& [session, watched] : watches_) {
        if (is_gone(session)) continue;
        const SessionWatch& watch = watched.watch;
        Obstacle obstacle{.session = session,
                          .record = watch.record(),
                          .recalled = watch.recalled(),
                          .renewed = watch.renewed(),
                          .expires = watch.expires()};
        const bool its_own = obstacle.record && obstacle.record->epoch() == session.epoch;
        if (!its_own) obstacle.record.reset();
        obstacles.push_back(std::move(obstacle));
    }
    return obstacles;
}

// Of those that neither hold nor wait any more.
void Lock::forget_watches() {
    std::erase_if(watches_, [&](const auto& entry) {
        const SessionRef& session = entry.first;
        const bool waits = place(record_, session).has_value();
        return !waits &&
               std::ranges::find(record_.holders, session, &Holder::session) == record_.holders.end();
    });
}

bool Lock::is_gone(const SessionRef& session) const {
    return std::ranges::find(gone_, session) != gone_.end();
}

}  // namespace diskpaxos
