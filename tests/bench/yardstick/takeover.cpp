// From the death of a holder, by kill -9, to the token in the hand of who waits: so many locks,
// each with a holder and a waiter, and the holders killed one after the other at all phases of a
// renewal.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <thread>

#include "bench/yardstick/member.hpp"
#include "bench/yardstick/operations.hpp"
#include "system/child.hpp"

namespace diskpaxos::yardstick {

namespace {

struct Scene {
    std::atomic<unsigned> ready = 0;
    std::atomic<unsigned> ttl_ms = 0;
    std::array<std::atomic<Moment>, most_processes> taken{};
};

std::string name_of(unsigned number) {
    return fmt::format("lock/{}", number);
}

Task<void> take(Member& member, Lock& lock) {
    auto acquiring = member.acquire(lock);
    co_await acquiring;
}

void hold(const Wish& wish, Scene& scene, unsigned me) {
    Member member(wish, 2 * wish.processes);
    Lock lock = member.lock(name_of(me));
    finish(*member.group, take(member, lock));
    scene.ttl_ms = member.directory.ttl_ms();
    ++scene.ready;
    member.loop().run_until(member.session.lost());  // renews until it is killed
}

void wait(const Wish& wish, Scene& scene, unsigned me) {
    Member member(wish, 2 * wish.processes);
    Lock lock = member.lock(name_of(me));
    ++scene.ready;
    finish(*member.group, take(member, lock));
    scene.taken[me] = now();
}

using Role = void (*)(const Wish& wish, Scene& scene, unsigned me);

void enter(std::deque<Child>& cast, Role role, const Wish& wish, Scene& scene) {
    const unsigned expected = scene.ready + wish.processes;
    for (unsigned me = 0; me < wish.processes; ++me) {
        cast.emplace_back([&, me] { role(wish, scene, me); });
    }
    while (scene.ready < expected) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        expect_all_alive();
    }
}

}  // namespace

void takeover(const Wish& wish) {
    if (wish.concurrency != 1) fail(Error{Code::usage, "takeover: a process holds one lock"});
    speak_for_all();
    const Shared<Scene> scene;
    std::deque<Child> holders;
    std::deque<Child> waiters;
    enter(holders, hold, wish, *scene);
    enter(waiters, wait, wish, *scene);
    const Timing timing{std::chrono::milliseconds(scene->ttl_ms)};
    std::this_thread::sleep_for(timing.ttl());  // every waiter has seen its holder alive
    std::vector<Moment> killed;
    for (Child& holder : holders) {
        killed.push_back(now());
        holder.kill();
        std::this_thread::sleep_for(timing.ttl() / 37);
    }
    Outcome outcome;
    outcome.series = {{"takeover", wish.processes, {}}};
    for (unsigned i = 0; i < wish.processes; ++i) {
        expect_success(waiters[i].wait());
        const double took = microseconds(scene->taken[i].load() - killed[i]);
        outcome.series[0].times.push_back(static_cast<float>(took));
    }
    outcome.operations = wish.processes;
    const auto [least, worst] = std::ranges::minmax(outcome.series[0].times);
    outcome.more = member("least_us", least) + member("worst_us", worst) +
                   member("ttl_and_renewal_us", microseconds(timing.ttl() + timing.renewal()));
    outcome.seconds = std::chrono::duration<double>(now() - killed.front()).count();
    outcome.per_second = wish.processes / outcome.seconds;
    outcome.print();
}

}  // namespace diskpaxos::yardstick
