// A host is forgotten while a process of it sleeps in the middle of a change, after its promise and
// before its write. The slot's next user changes the same cell. What the sleeper makes of it when it
// wakes up: the user's entry in `done` is that of its own slot, and newer than its own attempt.
#pragma once

#include "group/cluster.hpp"
#include "group/returning.hpp"

namespace diskpaxos {

class ForgetStory {
  public:
    static constexpr Duration nap = std::chrono::seconds(20);  // less than T + T_ghost

    ForgetStory() {
        CHECK(cluster.format(1));
        sleeper.emplace(cluster, home, host_named("home"));
        CHECK(sleeper->seated);
    }

    void play() {
        const auto slept = cluster.run(change_with_a_nap());
        if (slept && slept->applied) ++acknowledged;
        for (cluster.queue.run_all(); !others.idle().is_set(); cluster.queue.run_all()) {
            cluster.clock.advance_to_next();
        }
        const auto found = cluster.run(guest->directory.get("n", cluster.soon()));
        CHECK(found);
        applied = std::stoi(std::string(as_text(found->value)));
    }

    int acknowledged = 0;
    int applied = 0;

  private:
    Task<Result<Named>> change_with_a_nap() {
        bool napped = false;
        const ChangeFn add = [&](const CellView& base, Draft& draft) {
            const int before = base.value.empty() ? 0 : std::stoi(std::string(as_text(base.value)));
            const std::string sum = std::to_string(before + 1);
            draft.state = CellState::set;
            draft.value.assign(as_bytes(sum).begin(), as_bytes(sum).end());
            if (!std::exchange(napped, true)) fall_asleep();
            return Verdict::write;
        };
        co_return co_await sleeper->directory.change("n", add, cluster.soon());
    }

    // Nothing of this process happens meanwhile; what the others do goes on.
    void fall_asleep() {
        others.spawn(forget_and_use());
        cluster.run(sleep(cluster.clock));
    }
    static Task<bool> sleep(Clock& clock) {
        co_await clock.sleep(nap);
        co_return true;
    }

    Task<void> forget_and_use() {
        const Roster& roster = sleeper->group.roster();
        const Duration patience = std::chrono::seconds(5);
        forgetting.emplace(cluster.world, roster, sleeper->group.rule(), host_named("away"),
                           host_named("home").id);
        const auto outcome = co_await forgetting->run(Duration(0), patience);
        CHECK(outcome && outcome->freed.size() == 1);
        locks.emplace(away);
        SeatWish wish;
        wish.host = host_named("away");
        wish.uptime = std::chrono::hours(1);
        wish.slot = outcome->freed.front();
        guest.emplace(cluster, roster);
        const Result<void> seated =
            co_await guest->group.take_seat(*locks, std::move(wish), cluster.soon());
        CHECK(seated);
        const auto added = co_await increment(guest->directory, "n", 1, cluster.soon());
        CHECK(added && added->applied);
        ++acknowledged;
    }

    struct Guest {
        Guest(Cluster& cluster, const Roster& roster)
            : group(cluster.world, roster), directory(group) {}
        Group group;
        Directory directory;
    };

    Cluster cluster;
    HostLocks home, away;
    std::optional<Process> sleeper;
    std::optional<HostLocks::OfProcess> locks;
    std::optional<Guest> guest;
    std::optional<Forgetting> forgetting;
    Scope others{cluster.queue};
};

}  // namespace diskpaxos
