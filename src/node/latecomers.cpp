#include "node/latecomers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos::node {

namespace {

// Most disks have answered by then; who is slower is judged at the next turn.
constexpr Duration moment = std::chrono::milliseconds(200);

}  // namespace

bool same_disk(const RealWorld::Member& a, const RealWorld::Member& b) {
    if (a.file && b.file) return a.file->same_disk(*b.file);
    return !a.identity.empty() && a.identity == b.identity;
}

Latecomers::Latecomers(RealWorld& real, Roster& roster, Wish wish, Admit admit)
    : real_(real),
      roster_(roster),
      wish_(std::move(wish)),
      admit_(std::move(admit)),
      looks_(real.world().queue) {
    for (const std::string& name : wish_.names) {
        One& one = late_.emplace_back();
        one.name = name;
        const auto known = std::ranges::find(roster_.aside, name, &Aside::name);
        if (known != roster_.aside.end()) one.said.insert(known->why);  // when the group was opened
    }
}

Task<void> Latecomers::run(Event& end) {
    Clock& clock = real_.world().clock;
    Duration pause = first_pause;
    while (!late_.empty() && roster_.present() < roster_.disks()) {
        bool over = co_await end.wait_until(clock, clock.now() + pause);
        if (over) co_return;
        for (One& one : late_) {
            if (one.busy) continue;
            one.busy = true;
            looks_.spawn(look(one));
        }
        over = co_await end.wait_until(clock, clock.now() + moment);
        if (over) co_return;
        judge();
        pause = std::min(longest_pause, pause * 3 / 2);
    }
}

// One that is there stays open as long as only a lock is missing; what it says is read anew.
Task<void> Latecomers::look(One& one) {
    one.identity.reset();
    if (!one.member) {
        auto opening = real_.open_aside(one.name, wish_.access, wish_.timeout);
        Result<RealWorld::Member> opened = co_await opening;
        if (opened) one.member.emplace(std::move(*opened));
    }
    if (one.member) {
        Identity identity(one.member->disk.get());
        co_await identify(identity);
        one.identity = std::move(identity);
    }
    one.busy = false;
}

void Latecomers::judge() {
    for (const One& one : late_) {
        if (has_twin(one)) roster_.disputed.insert(one.identity->superblock->index);
    }
    for (auto next = late_.begin(); next != late_.end();) {
        const auto here = next++;
        One& one = *here;
        if (!seen(one)) continue;
        const std::string why = reason(one);
        if (!why.empty()) {
            one.identity.reset();
            one.member.reset();
            if (one.said.insert(why).second) wish_.warn(fmt::format("{} is left out: {}", one.name, why));
        } else if (admit_(one.identity->superblock->index, *one.member)) {
            wish_.warn(fmt::format("{} is there now: {} of {} disks of group {} are in use", one.name,
                                   roster_.present(), roster_.disks(), roster_.common.name));
            real_.keep(std::move(*one.member));
            late_.erase(here);
        }
    }
}

std::string Latecomers::reason(const One& one) const {
    if (same_as_a_member(*one.member)) return "it is the same disk as another that was named";
    return why_no_place(*one.identity, nullptr, roster_);
}

// Another disk that has come at the same time says that it is the same one.
bool Latecomers::has_twin(const One& one) const {
    if (!seen(one) || !one.identity->known()) return false;
    const Superblock& ours = *one.identity->superblock;
    return std::ranges::any_of(late_, [&](const One& other) {
        if (&other == &one || !seen(other) || !other.identity->known()) return false;
        const Superblock& its = *other.identity->superblock;
        return its.same_group(ours) && its.index == ours.index && !same_disk(*one.member, *other.member);
    });
}

bool Latecomers::same_as_a_member(const RealWorld::Member& member) const {
    return std::ranges::any_of(real_.members(), [&](const RealWorld::Member& other) {
        return std::ranges::count(roster_.members, other.disk.get()) > 0 && same_disk(other, member);
    });
}

}  // namespace diskpaxos::node
