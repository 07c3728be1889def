// Rules of sessions and locks that hold each other up: where one is broken another one still saves
// the day, so that no storm shows it. Each is played step by step; the answer is whether it held.
// rules_test.cpp asks the code as it is, rule_mutant_test.cpp asks it with the rule broken.
#pragma once

#include "lock/members.hpp"

namespace diskpaxos {

class Rules : public Members {
  protected:
    // M3: a look that was issued before T was over convicts nobody, however late it completes.
    bool an_early_look_convicts_nobody() {
        auto a = member(), b = member();
        const SessionRef dead = a->session.ref();
        a.reset();
        SessionWatch watch(cluster.world, b->process.directory, dead);
        EXPECT_EQ(look(watch), Liveness::alive);
        pass(watch.expires() - cluster.clock.now() - milliseconds(5));
        return look_slowly(watch, milliseconds(20)) == Liveness::alive &&
               look(watch) == Liveness::expired;
    }

    // M2: T counts from the completion of the look that showed the sign of life.
    bool silence_counts_from_completion() {
        auto a = member(), b = member();
        SessionWatch watch(cluster.world, b->process.directory, a->session.ref());
        EXPECT_EQ(look_slowly(watch, milliseconds(300)), Liveness::alive);
        return watch.expires() == cluster.clock.now() + timing.observe();
    }

    // T is the observer's own reckoning, from the TTL that the session published.
    bool silence_is_watched_for_all_of_t() {
        auto a = member(), b = member();
        const std::uint16_t slot = 7;
        Process process(cluster, home, host_named("home"), slot);
        Session brief(cluster.world, process.directory, slot, SessionOwner{}, seconds(3));
        EXPECT_TRUE(process.seated && cluster.run(brief.open(cluster.soon())));
        pass(3 * timing.renewal());
        SessionWatch first(cluster.world, b->process.directory, a->session.ref());
        SessionWatch second(cluster.world, b->process.directory, brief.ref());
        look(first);
        look(second);
        const Instant now = cluster.clock.now();
        return first.expires() == now + timing.observe() &&
               second.expires() == now + Timing(seconds(3)).observe();
    }

    // H2: a lease counts from the start of its renewal, however long that takes.
    bool a_lease_counts_from_its_start() {
        auto a = member();
        const Instant first = a->session.valid_until();
        silence();
        pass(timing.renewal() + milliseconds(500));
        release();
        pass(milliseconds(1));
        EXPECT_EQ(a->session.renewals(), 1U);
        return a->session.valid_until() == first + timing.renewal();
    }

    // 9.4: a renewal between the look and the eviction wins.
    bool a_renewal_beats_the_eviction() {
        auto a = member(), b = member();
        SessionWatch watch(cluster.world, b->process.directory, a->session.ref());
        EXPECT_EQ(look(watch), Liveness::alive);
        pass(2 * timing.renewal());
        const Result<Liveness> evicted = cluster.run(watch.evict({}, cluster.soon()));
        pass(2 * timing.renewal());
        return evicted && *evicted == Liveness::alive && a->session.sound();
    }

    // session-T1: what a machine with the id of this host renews in our slot is left alone.
    bool a_twin_is_noticed() {
        auto a = member(0);
        const Result<void> opened = open_on_another_boot();
        pass(timing.ttl());
        return !opened && opened.error().code == Code::in_use && a->session.sound();
    }
    // `absent`: does not answer for the first second.
    Result<void> open_on_another_boot(std::optional<std::size_t> absent = std::nullopt) {
        HostLocks kernel;
        const Host host = host_named("home", 2);
        Process process(cluster, kernel, host, 0);
        EXPECT_TRUE(process.seated);
        Session session(cluster.world, process.directory, 0,
                        SessionOwner{host.name, host.boot, 4712, "twin", 0});
        Scope coming_back(cluster.queue);
        if (absent) {
            cluster.disks[*absent]->mood = MemoryDisk::Mood::silent;
            coming_back.spawn(come_back(cluster.clock, *cluster.disks[*absent]));
        }
        const Result<void> opened = cluster.run(session.open(cluster.soon()));
        return opened ? cluster.run(session.leave(cluster.soon())) : opened;
    }

    static Task<void> come_back(Clock& clock, MemoryDisk& disk) {
        co_await clock.sleep(seconds(1));
        disk.release();
    }

    // H3: what completes when the lease is over extends nothing, for ever.
    bool a_late_renewal_extends_nothing() {
        auto a = member();
        const Instant end = a->session.valid_until();
        silence();
        pass(end - cluster.clock.now() + milliseconds(100));
        release();
        pass(timing.ttl());
        return !a->session.sound() && a->session.lost().is_set();
    }

    // note-N1: a note counts from the completion of the look that showed the sign.
    bool a_note_counts_from_completion() {
        auto a = member(), b = member();
        SessionWatch watch(cluster.world, b->process.directory, a->session.ref());
        EXPECT_EQ(look_slowly(watch, milliseconds(300)), Liveness::alive);
        return watch.note()->seen == cluster.clock.now();
    }

    // note-N2: a note of one beat says nothing of another.
    bool a_note_of_another_beat_convicts_nobody() {
        auto a = member(), b = member();
        EXPECT_TRUE(a->acquire("x"));
        std::vector<Note> notes = leave_note(*b, {});
        pass(timing.observe() + seconds(1));  // it renews all the time
        notes = leave_note(*b, notes);        // the two looks see the same beat
        notes = leave_note(*b, notes);
        pass(2 * timing.renewal());
        return a->session.sound() && a->lock("x").held();
    }

    // What `-n` does: looks once, with what was seen before, and leaves what it has seen itself. As
    // a process that ends then: nothing of it is left but that.
    std::vector<Note> leave_note(Member& by, const std::vector<Note>& before) {
        Lock once(cluster.world, by.process.directory, by.session, "x");
        LockWish wish = by.wish(LockMode::exclusive, Duration(0));
        wish.notes = before;
        took = cluster.run(once.acquire(wish));
        return once.notes();
    }
    Result<std::uint64_t> took = 0;

    Liveness look(SessionWatch& watch) { return cluster.run(watch.look(cluster.soon())).value(); }

    Liveness look_slowly(SessionWatch& watch, Duration time) {
        std::optional<Liveness> seen;
        const auto looking = [](SessionWatch& by, Instant deadline,
                                std::optional<Liveness>& result) -> Task<void> {
            result = (co_await by.look(deadline)).value();
        };
        Scope scope(cluster.queue);
        silence();
        scope.spawn(looking(watch, cluster.soon(), seen));
        pass(time);
        release();
        cluster.queue.run_all();
        return seen.value();
    }
    void silence() {
        for (auto& disk : cluster.disks) disk->mood = MemoryDisk::Mood::silent;
    }
    void release() {
        for (auto& disk : cluster.disks) disk->release();
    }
};

}  // namespace diskpaxos
