#include "sim/lock_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lock/queue.hpp"

namespace diskpaxos::sim {

namespace {

std::string describe(SessionRef session) {
    return fmt::format("{}.{}", session.slot, session.epoch);
}

bool has(const LockRecord& lock, const Holder& holder) {
    return std::ranges::find(lock.holders, holder) != lock.holders.end();
}

bool has(const LockRecord& lock, SessionRef session) {
    return std::ranges::find(lock.holders, session, &Holder::session) != lock.holders.end();
}

}  // namespace

std::string describe(const Holding& holding) {
    return fmt::format("{} {} by session {}, token {}", holding.lock,
                       holding.mode == LockMode::exclusive ? "EX" : "SH", describe(holding.session),
                       holding.token);
}

// ---- holders ----

void LockJudge::granted(const Holding& holding, std::uint64_t floor, const Bytes& value) {
    Watched& lock = locks_[holding.lock];
    if (holding.token <= floor) {
        violate(fmt::format("L2: {}, though {} was acknowledged before it was asked for",
                            describe(holding), floor));
    }
    const auto [known, fresh] = lock.tokens.try_emplace(holding.token, holding.session);
    if (!fresh) {
        violate(fmt::format("L2: {}, which session {} was given before", describe(holding),
                            describe(known->second)));
    }
    lock.acknowledged = std::max(lock.acknowledged, holding.token);
    History::const_iterator at = std::ranges::find_if(lock.history, [&](const auto& entry) {
        return has(entry.second.record, Holder{holding.session, holding.token});
    });
    if (at == lock.history.end()) at = passed_over(holding);
    if (at == lock.history.end()) {
        return violate(fmt::format("L2: {}, which was never committed", describe(holding)));
    }
    const bool known_value = std::ranges::any_of(at, lock.history.cend(), [&](const auto& entry) {
        return entry.second.record.value == value;
    });
    if (!known_value) violate(fmt::format("L5: {} sees another value", describe(holding)));
}

// Its version was never committed by itself: somebody has read it, and committed the next one, which
// goes on from it. Then it is applied, and its owner is told so (algorithms.md 4.4 row 4a).
auto LockJudge::passed_over(const Holding& holding) const -> History::const_iterator {
    const History& history = locks_.at(holding.lock).history;
    for (const auto& [rank, pushed] : pushed_) {
        const Holder holder{holding.session, holding.token};
        if (pushed.name != holding.lock || !has(pushed.lock.record, holder)) continue;
        const auto next = history.upper_bound(pushed.version);
        if (next == history.end() || next->first != pushed.version + 1) continue;
        const LockRecord& record = next->second.record;
        const bool anothers = std::ranges::any_of(record.holders, [&](const Holder& other) {
            return other.token == holding.token && other.session != holding.session;
        });
        if (record.token >= holding.token && !anothers) return next;
    }
    return history.end();
}

void LockJudge::acted(const Holding& holding, Instant begin, Instant end) {
    Watched& lock = locks_[holding.lock];
    std::erase_if(lock.acts, [&](const Act& act) { return act.end <= begin; });
    for (const Act& act : lock.acts) {
        const bool fine = act.mode == LockMode::shared && holding.mode == LockMode::shared;
        if (fine || act.session == holding.session) continue;
        ++overlaps_;
        if (broken_.contains(act.session) || broken_.contains(holding.session)) continue;
        if (!clocks_are_good_) continue;
        violate(fmt::format("L1: {} acts from {} on, session {} since {} and until {}",
                            describe(holding), begin.time_since_epoch().count(),
                            describe(act.session), act.begin.time_since_epoch().count(),
                            act.end.time_since_epoch().count()));
    }
    lock.acts.push_back({holding.session, holding.mode, begin, end});
}

void LockJudge::wrote(const Holding& holding) {
    Watched& lock = locks_[holding.lock];
    if (holding.token >= lock.resource) {
        lock.resource = holding.token;
        return;
    }
    ++refused_writes_;
    if (!lock.tokens.contains(lock.resource))
        violate("L3: the resource has seen a token of nobody");
}

// ---- disks ----

void LockJudge::pushed(std::uint32_t cell, Rank rank, ByteView record) {
    if (!format_.valid(record)) return;
    const CellView view = format_.view(record);
    if (view.state == CellState::session) {
        const auto session = decode_session(view.value);
        if (!session) return violate("a session record that nobody could have written");
        std::uint16_t slot = 0;
        const std::string_view digits = view.name.substr(view.name.find('/') + 1);
        std::from_chars(digits.data(), digits.data() + digits.size(), slot);
        const bool opens = session->opened == view.version;
        if (opens || session->state != SessionState::live) ends_[slot].push_back(*session);
        const bool its_own = opens && format_.latest(record, rank.proposer);  // not carried on
        if (its_own) openers_[{slot, session->epoch()}].insert(rank.proposer);
    } else if (view.state == CellState::lock) {
        const auto lock = decode_lock(view.value);
        if (!lock) return violate("a lock record that nobody could have written");
        pushed_[{cell, rank}] = {
            std::string(view.name), view.version, {*lock, Bytes(record.begin(), record.end())}};
    }
}

void LockJudge::committed(std::uint32_t cell, Rank rank) {
    const auto found = pushed_.find({cell, rank});
    if (found == pushed_.end()) return;
    const Pushed& now = found->second;
    auto& history = locks_[now.name].history;
    if (!history.try_emplace(now.version, now.lock).second) return;
    check_neighbours(now.name, now.version);
}

void LockJudge::check_neighbours(const std::string& name, std::uint64_t version) {
    auto& history = locks_[name].history;
    const auto here = history.find(version);
    const auto check = [&](auto before, auto after) {
        if (after->first == before->first + 1) {
            return check_change(name, before->second, after->second);
        }
        check_tokens(name, before->second.record, after->second.record);
    };
    if (here != history.begin()) check(std::prev(here), here);
    if (std::next(here) != history.end()) check(here, std::next(here));
}

void LockJudge::check_tokens(const std::string& name, const LockRecord& before,
                             const LockRecord& after) {
    if (after.token < before.token) violate(fmt::format("L2: the tokens of {} fall", name));
    for (const Holder& holder : after.holders) {
        if (has(before, holder) || holder.token > before.token) continue;
        // An upgrade that was not acknowledged may stand between the two.
        violate(fmt::format("L2: {} gives token {} after {}", name, holder.token, before.token));
    }
}

void LockJudge::check_change(const std::string& name, const Version& before, const Version& after) {
    check_tokens(name, before.record, after.record);
    const LockRecord& old = before.record;
    bool evicted = false;
    for (const Holder& holder : old.holders) {
        if (has(after.record, holder.session)) continue;
        if (made_by(after, holder.session)) continue;  // released it, or came after it
        evicted = true;
        if (over(holder.session)) continue;
        violate(fmt::format("L4: {} is taken from session {}, which is not over", name,
                            describe(holder.session)));
    }
    if (evicted && old.exclusive && !old.value.empty() && !after.record.doubtful) {
        violate(fmt::format("L5: the value of {} is not doubtful after an eviction", name));
    }
    const bool set = old.value != after.record.value || (old.doubtful && !after.record.doubtful);
    const bool by_holder =
        old.exclusive && !old.holders.empty() && made_by(after, old.holders.front().session);
    if (set && !by_holder) {
        violate(fmt::format("L5: the value of {} is set, and not by its holder", name));
    }
}

// By the slot that the session has, in this life or a later one; or by a process that opened it.
bool LockJudge::made_by(const Version& version, SessionRef session) const {
    if (slots_) return format_.origin(version.cell) == session.slot;
    const auto openers = openers_.find(session);
    if (openers == openers_.end()) return false;
    return std::ranges::any_of(openers->second, [&](Proposer opener) {
        return format_.latest(version.cell, opener);
    });
}

// Whether its end was ever proposed: nobody may act on less.
bool LockJudge::over(SessionRef session) const {
    const auto slot = ends_.find(session.slot);
    if (slot == ends_.end()) return false;
    return std::ranges::any_of(slot->second, [&](const SessionRecord& record) {
        const bool ended = record.epoch() == session.epoch && record.state != SessionState::live;
        return ended || record.follows(session.epoch);
    });
}

}  // namespace diskpaxos::sim
