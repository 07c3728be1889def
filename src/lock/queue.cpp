#include "lock/queue.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

bool compatible(const LockRecord& lock, LockMode mode) {
    if (lock.holders.empty()) return true;
    if (mutated(Mutant::lock_mode_ignored)) return mode == LockMode::shared;
    return !lock.exclusive && mode == LockMode::shared;
}

const Holder* holding(const LockRecord& lock, const SessionRef& session) {
    const auto found = std::ranges::find_if(lock.holders, [&](const Holder& holder) {
        if (mutated(Mutant::lock_epoch_ignored)) return holder.session.slot == session.slot;
        return holder.session == session;
    });
    return found == lock.holders.end() ? nullptr : &*found;
}

std::optional<std::size_t> place(const LockRecord& lock, const SessionRef& session) {
    const auto found = std::ranges::find_if(
        lock.waiters, [&](const Waiter& waiter) { return waiter.is(session); });
    if (found == lock.waiters.end()) return std::nullopt;
    return static_cast<std::size_t>(found - lock.waiters.begin());
}

std::size_t ahead(const LockRecord& lock, const SessionRef& session, LockMode mode) {
    const std::size_t end = place(lock, session).value_or(lock.waiters.size());
    if (mode == LockMode::exclusive) return end;
    // Readers pass readers: only from the first writer on, everybody ahead counts.
    std::size_t blocking = 0;
    for (std::size_t i = 0; i < end; ++i) {
        if (lock.waiters[i].mode == LockMode::exclusive) blocking = i + 1;
    }
    return blocking;
}

bool may_take(const LockRecord& lock, const SessionRef& session, LockMode mode, std::size_t skip) {
    return compatible(lock, mode) && ahead(lock, session, mode) <= skip;
}

void take(LockRecord& lock, const SessionRef& session, LockMode mode) {
    const auto passed = static_cast<std::ptrdiff_t>(ahead(lock, session, mode));
    lock.waiters.erase(lock.waiters.begin(), lock.waiters.begin() + passed);
    leave_queue(lock, session);
    ++lock.token;
    lock.exclusive = mode == LockMode::exclusive;
    lock.holders.push_back({session, lock.token});
}

void enqueue(LockRecord& lock, const SessionRef& session, LockMode mode) {
    if (place(lock, session)) return;
    std::erase_if(lock.waiters, [&](const Waiter& w) { return w.slot == session.slot; });
    lock.waiters.push_back({session.slot, static_cast<std::uint8_t>(session.epoch), mode});
}

bool leave_queue(LockRecord& lock, const SessionRef& session) {
    return std::erase_if(lock.waiters, [&](const Waiter& w) { return w.is(session); }) > 0;
}

bool release(LockRecord& lock, const SessionRef& session, std::uint64_t token) {
    if (mutated(Mutant::release_unheld)) {
        lock.holders.clear();
        return true;
    }
    return std::erase(lock.holders, Holder{session, token}) > 0;
}

bool drop(LockRecord& lock, const SessionRef& session) {
    const auto dropped = std::erase_if(
        lock.holders, [&](const Holder& holder) { return holder.session == session; });
    if (dropped > 0 && lock.exclusive) lock.doubtful = !lock.value.empty();
    return dropped > 0;
}

bool convert(LockRecord& lock, const SessionRef& session, LockMode mode) {
    const auto mine = std::ranges::find(lock.holders, session, &Holder::session);
    CHECK(mine != lock.holders.end());
    const bool exclusive = mode == LockMode::exclusive;
    if (exclusive == lock.exclusive) return true;
    if (exclusive && lock.holders.size() > 1 && !mutated(Mutant::upgrade_over_readers)) {
        return false;
    }
    if (exclusive) mine->token = ++lock.token;
    lock.exclusive = exclusive;
    return true;
}

}  // namespace diskpaxos
