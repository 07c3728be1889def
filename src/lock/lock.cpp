#include "lock/lock.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.hpp"
#include "group/give_up.hpp"
#include "lock/queue.hpp"

namespace diskpaxos {

namespace {

// Of a look without an answer: then who waits is told that there is no majority.
constexpr Duration told_after = std::chrono::seconds(2);

// A majority may come back, a holder may leave; the rest stays as it is.
bool worth_waiting(const Error& error) {
    return error.code == Code::busy || error.code == Code::no_quorum ||
           error.code == Code::unknown_outcome;
}

std::string holder_of(const LockRecord& lock, const std::vector<Obstacle>& obstacles) {
    const SessionRef& first = lock.holders.front().session;
    const auto found = std::ranges::find(obstacles, first, &Obstacle::session);
    const std::string more =
        lock.holders.size() > 1 ? fmt::format(" and {} more", lock.holders.size() - 1) : "";
    if (found == obstacles.end() || !found->record) {
        return fmt::format("a session of slot {}{}", first.slot, more);
    }
    return described(*found->record) + more;
}

}  // namespace

Lock::Lock(World& world, Directory& directory, Session& session, std::string name)
    : world_(world), directory_(directory), session_(session), name_(std::move(name)) {}

// ---- acquiring ----

Task<Result<std::uint64_t>> Lock::acquire(LockWish wish) {
    if (token_ != 0) {
        co_return std::unexpected(Error{Code::usage, fmt::format("lock \"{}\" is held already", name_)});
    }
    if (auto fine = Directory::check_name(name_); !fine) co_return std::unexpected(fine.error());
    if (!session_.sound()) {
        co_return std::unexpected(Error{Code::lost, "there is no session to hold a lock with"});
    }
    recalled_ = wish.notes;
    majority_ = true;
    if (in_doubt_) {
        const Result<Finding> cleared = co_await give_up(world_.clock.now() + wish.patience);
        if (!cleared) co_return std::unexpected(cleared.error());
    }
    if (!wish.wait) {  // a look tells a no, without a write
        const Result<void> looked = co_await look(world_.clock.now() + wish.patience);
        if (!looked) co_return std::unexpected(looked.error());
        Result<bool> freed = co_await watch_holders(wish);
        if (freed) freed = co_await watch_places(wish);
        if (!freed) co_return std::unexpected(freed.error());
        if (!may_take(record_, session_.ref(), wish.mode, 0)) co_return std::unexpected(busy());
    }
    if (wish.wait && !record_.waiters.empty()) {  // a first attempt would only get in their way
        auto waited = wait(wish);
        co_return co_await waited;
    }
    const LockWish brief = wish.wait ? cut_short(wish) : wish;
    const Result<Finding> first = co_await attempt(brief, wish.wait);
    if (first && *first == Finding::changed) co_return taken();
    if (wish.wait) note_majority(wish, first ? nullptr : &first.error());
    if (first && !wish.wait) co_return std::unexpected(busy());
    if (!first && (!wish.wait || !worth_waiting(first.error()))) {
        co_return std::unexpected(first.error());
    }
    auto waited = wait(wish);
    co_return co_await waited;
}

// Polls until it is our turn; the first in the queue is told by active disks instead. Errors of the disks do not end the waiting: nobody can hold the lock
// anew while there is no majority, and a majority may come back.
Task<Result<std::uint64_t>> Lock::wait(LockWish wish) {
    Poll poll(session_.timing());
    Error why = busy();
    Event& end = wish.stop != nullptr ? *wish.stop : session_.lost();
    Event wake;
    Scope relays(world_.queue);
    relays.spawn(relay_end(end, wake));
    for (;;) {
        const Instant now = world_.clock.now();
        if (!session_.sound()) co_return std::unexpected(session_.why_lost());
        const bool stopped = wish.stop != nullptr && wish.stop->is_set();
        if (stopped || now >= wish.until) {
            co_return std::unexpected(co_await withdraw(wish, std::move(why)));
        }
        const LockWish brief = cut_short(wish);
        Result<void> looked = co_await look(std::min(wish.until, now + brief.patience));
        Result<bool> freed = false;
        if (looked) freed = co_await watch_holders(brief);
        if (freed && !record_.holders.empty()) freed = co_await watch_places(brief);
        note_majority(wish, !looked ? &looked.error() : !freed ? &freed.error() : nullptr);
        const bool cut = world_.clock.now() >= wish.until;  // by ourselves: it tells nothing new
        if (!looked && !cut) why = looked.error();
        else if (!freed) why = freed.error();
        else if (looked) why = busy();
        note_free();

        if (looked && freed && worth_an_attempt(wish.mode)) {
            const Result<Finding> tried = co_await attempt(wish, true);
            if (tried && *tried == Finding::changed) co_return taken();
            if (!tried) why = tried.error();
            if (!worth_waiting(why)) {
                co_return std::unexpected(co_await withdraw(wish, std::move(why)));
            }
        }
        const Instant after = world_.clock.now();
        const std::size_t before = ahead(record_, session_.ref(), wish.mode);
        const bool told = before == 0 && directory_.tells(name_);
        const Duration pause = poll.next(after, record_.token, before);
        const Instant due = after + (told ? session_.timing().lazy_poll() : pause);
        if (told) relays.spawn(relay_change(due, wake));
        co_await wake.wait_until(world_.clock, std::min(due, wish.until));
        if (!end.is_set()) wake.reset();
    }
}

// A look that gets no answer is cut short as long as there was a majority, so that who waits is
// told soon that there is none. Slow disks get all the time that they were given from then on.
LockWish Lock::cut_short(const LockWish& wish) const {
    LockWish brief = wish;
    if (majority_) brief.patience = std::min(wish.patience, told_after);
    return brief;
}

void Lock::note_majority(const LockWish& wish, const Error* trouble) {
    if (trouble != nullptr && world_.clock.now() >= wish.until) return;  // cut: it tells nothing
    const bool lost = trouble != nullptr &&
                      (trouble->code == Code::no_quorum || trouble->code == Code::unknown_outcome);
    if (lost == !majority_) return;
    majority_ = !lost;
    if (wish.tell_majority) wish.tell_majority(lost ? trouble : nullptr);
}

Task<void> Lock::relay_end(Event& end, Event& wake) {
    co_await end.wait();
    wake.set();
}

Task<void> Lock::relay_change(Instant until, Event& wake) {
    co_await directory_.await_change(name_, until);
    wake.set();
}

// Whether a change would get us further than the last look has. To stand in the queue can wait
// until the first in it has taken the lock: the two changes would only get in each other's way.
bool Lock::worth_an_attempt(LockMode mode) const {
    const SessionRef me = session_.ref();
    if (may_take(record_, me, mode, skippable()) || holding(record_, me) != nullptr) return true;
    const bool others_turn = compatible(record_, mode) && skippable() == 0;
    return !others_turn && !place(record_, me) && has_room(record_);
}

// One change: takes the lock if it is our turn, otherwise stands in the queue if there is room.
Task<Result<Lock::Finding>> Lock::attempt(const LockWish& wish, bool queue) {
    const std::size_t skip = skippable();
    const LockMode mode = wish.mode;
    const SessionRef me = session_.ref();
    const Rule rule = [this, skip, mode, me, queue](LockRecord& lock) {
        if (holding(lock, me) != nullptr) return Finding::held;
        for (const SessionRef& session : gone_) drop(lock, session);
        for (const Waiter& waiter : void_places_) std::erase(lock.waiters, waiter);
        if (may_take(lock, me, mode, skip)) {
            take(lock, me, mode);
            return fits(lock) ? Finding::changed : Finding::standing;
        }
        if (!queue || place(lock, me) || !has_room(lock)) return Finding::standing;
        enqueue(lock, me, mode);
        return Finding::queued;
    };
    const Instant end = std::min(world_.clock.now() + wish.patience, session_.valid_until());
    Result<Finding> found = co_await change(rule, end);
    // Ours already, by an attempt whose outcome was not known; or not yet, although a later attempt
    // would have taken it: one that stood in the queue was taken up.
    if (found && *found != Finding::standing) {
        const bool held = holding(record_, me) != nullptr;
        co_return held ? Finding::changed : Finding::queued;
    }
    co_return found;
}

// The acquisition is committed. The record tells the token, even if others have changed the lock
// since; and if our session did not survive it, neither did the holding.
Result<std::uint64_t> Lock::taken() {
    const Holder* mine = holding(record_, session_.ref());
    if (mine == nullptr || !session_.sound()) {
        return std::unexpected(Error{
            Code::lost, fmt::format("lock \"{}\" was taken, but the session was over before it was "
                                    "known",
                                    name_)});
    }
    token_ = mine->token;
    holder_ = mine->session;
    released_ = false;
    if (mutated(Mutant::token_outside)) {
        static std::uint64_t counter = 0;
        token_ = ++counter;
    }
    watches_.clear();
    return token_;
}

// If it fails, those behind us pass over our place after a grace; but not over a holding.
Task<Error> Lock::withdraw(LockWish wish, Error why) {
    // Nobody needs to wait long for it: the place is passed over, and the session ends.
    const Duration patience = std::min(wish.patience, session_.timing().attempt());
    const Result<Finding> gone = co_await give_up(world_.clock.now() + patience);
    if (gone || !in_doubt_) co_return why;
    co_return Error{Code::unknown_outcome,
                    fmt::format("lock \"{}\" may have become ours; release it, or leave the session: "
                                "{}",
                                name_, gone.error().sentence)};
}

// Takes back all that is ours, what came of a change whose outcome was not known included.
Task<Result<Lock::Finding>> Lock::give_up(Instant deadline) {
    const SessionRef me = session_.ref();
    const std::uint64_t token = token_;
    const Rule rule = [me, token](LockRecord& lock) {
        const Holder* mine = holding(lock, me);
        const bool held = diskpaxos::release(lock, me, mine != nullptr ? mine->token : token);
        const bool waited = leave_queue(lock, me);
        return held || waited ? Finding::changed : Finding::standing;
    };
    co_return co_await change(rule, deadline);
}

// ---- what stands in the way ----

Task<Result<void>> Lock::look(Instant deadline) {
    const Result<Named> cell = co_await directory_.look(name_, deadline);
    if (!cell) co_return std::unexpected(cell.error());
    std::optional<LockRecord> record;
    if (cell->state == CellState::lock) record = decode_lock(cell->value);
    note(record.value_or(LockRecord()), cell->version);
    co_return Result<void>();
}

void Lock::note(const LockRecord& record, std::uint64_t version) {
    if (version != version_) free_since_.reset();
    version_ = version;
    record_ = record;
    std::erase_if(gone_, [&](const SessionRef& session) {
        return std::ranges::find(record_.holders, session, &Holder::session) ==
               record_.holders.end();
    });
    std::erase_if(void_places_, [&](const Waiter& waiter) {
        return std::ranges::find(record_.waiters, waiter) == record_.waiters.end();
    });
}

// While there are holders, whoever stands ahead of us may be unable to take it yet, and not asleep.
void Lock::note_free() {
    if (!record_.holders.empty()) free_since_.reset();
    else if (!free_since_) free_since_ = world_.clock.now();
}

// A lock that has been free for one grace per place: so many ahead of us are asleep.
std::size_t Lock::skippable() const {
    if (!free_since_) return 0;
    const Duration idle = world_.clock.now() - *free_since_;
    return static_cast<std::size_t>(idle / session_.timing().grace());
}

bool Lock::fits(const LockRecord& lock) const {
    return fits_into(directory_.capacity(name_), lock);
}

// For one more waiter, and for whoever takes the lock next. Those who find none wait without a
// place: they poll, and stand in the queue as soon as there is room.
bool Lock::has_room(const LockRecord& lock) const {
    return fits_into(directory_.capacity(name_), lock, 1, 1);
}

// ---- changing ----

Task<Result<Lock::Finding>> Lock::change(Rule rule, Instant deadline) {
    Finding finding = Finding::standing;  // of the last attempt
    LockRecord next;
    const ChangeFn f = [&](const CellView& base, Draft& draft) {
        const bool blank = base.state == CellState::unset || base.state == CellState::deleted;
        std::optional<LockRecord> lock;
        if (blank) lock = LockRecord();
        // A name that was given up: nobody knows its last token, but it is below this (give_up.hpp).
        if (blank && base.version >= GivingUp::versions) lock->token = base.version;
        else if (base.state == CellState::lock) lock = decode_lock(base.value);
        finding = base.state == CellState::lock ? Finding::damaged : Finding::foreign;
        if (!lock) return Verdict::keep;
        next = std::move(*lock);
        finding = rule(next);
        if (finding != Finding::changed && finding != Finding::queued) return Verdict::keep;
        draft.state = CellState::lock;
        encode(draft.value, next);
        return Verdict::write;
    };
    // The record says whether this session holds the lock or waits for it, and with which token. So
    // every rule may be applied to it again where nobody can tell any more whether it was.
    const Result<Named> cell = co_await directory_.change(name_, f, deadline, Repeat::always);
    if (!cell) {
        in_doubt_ = in_doubt_ || cell.error().code == Code::unknown_outcome;
        co_return std::unexpected(cell.error());
    }
    in_doubt_ = unsettled_ = false;
    repeated_ = cell->perhaps;
    if (cell->state != CellState::lock && finding == Finding::foreign) {
        co_return std::unexpected(
            Error{Code::usage, fmt::format("\"{}\" is no lock; it holds a value", name_)});
    }
    auto record = decode_lock(cell->value);
    if (finding == Finding::damaged || (cell->state == CellState::lock && !record)) {
        co_return std::unexpected(
            Error{Code::bad_data, fmt::format("lock \"{}\" holds what this program did not write",
                                              name_)});
    }
    note(cell->state == CellState::lock ? *record : LockRecord(), cell->version);
    // The last attempt may have found less than the one that others took up.
    if (cell->applied && finding != Finding::queued) finding = Finding::changed;
    co_return finding;
}

Task<Result<void>> Lock::release(Instant deadline) {
    if (token_ == 0 && !in_doubt_) co_return Result<void>();
    const bool certain = token_ != 0 && !in_doubt_;
    released_ = true;
    const Result<Finding> released = co_await give_up(deadline);
    if (!released) co_return std::unexpected(released.error());
    token_ = 0;
    if (certain && *released == Finding::standing && !repeated_) {
        co_return std::unexpected(Error{
            Code::lost, fmt::format("lock \"{}\" was not ours any more: the session was over", name_)});
    }
    co_return Result<void>();
}

Task<Result<std::uint64_t>> Lock::convert(LockMode mode, Instant deadline) {
    if (!ours()) co_return std::unexpected(Error{Code::lost, "the lock is not held"});
    const SessionRef me = session_.ref();
    const Rule rule = [me, mode](LockRecord& lock) {
        if (holding(lock, me) == nullptr) return Finding::standing;
        return diskpaxos::convert(lock, me, mode) ? Finding::changed : Finding::held;
    };
    const Result<Finding> converted = co_await change(rule, deadline);
    if (!converted) {
        unsettled_ = unsettled_ || (mode == LockMode::shared && in_doubt_);
        co_return std::unexpected(converted.error());
    }
    if (*converted == Finding::held) co_return std::unexpected(busy());
    co_return taken();
}

Task<Result<void>> Lock::set_value(Bytes value, Instant deadline) {
    if (value.size() > max_lock_value) {
        co_return std::unexpected(
            Error{Code::usage, fmt::format("the value of a lock has at most {} bytes", max_lock_value)});
    }
    const SessionRef me = session_.ref();
    bool too_long = false;
    const Rule rule = [&](LockRecord& lock) {
        too_long = false;
        if (holding(lock, me) == nullptr || !lock.exclusive) return Finding::standing;
        lock.value = value;
        lock.doubtful = false;
        too_long = !fits(lock);
        return too_long ? Finding::standing : Finding::changed;
    };
    const Result<Finding> set = co_await change(rule, deadline);
    if (!set) co_return std::unexpected(set.error());
    if (too_long) {
        co_return std::unexpected(Error{Code::full, "there is no room for the value beside the "
                                                    "holders and waiters; use a shorter one"});
    }
    if (*set == Finding::standing) {
        co_return std::unexpected(
            Error{Code::lost, "only who holds the lock exclusively can set its value"});
    }
    co_return Result<void>();
}

Error Lock::busy() const {
    if (record_.holders.empty()) {
        return {Code::busy, fmt::format("lock \"{}\" is not ours yet: others wait for it", name_)};
    }
    return {Code::busy, fmt::format("lock \"{}\" is held {} by {}", name_,
                                    record_.exclusive ? "exclusively" : "shared",
                                    holder_of(record_, obstacles()))};
}

}  // namespace diskpaxos
