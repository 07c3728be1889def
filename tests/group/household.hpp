// Processes of hosts with a seat and its keeper, and what a slot table shows of them.
#pragma once

#include "group/cluster.hpp"
#include "group/keeper.hpp"

namespace diskpaxos {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr Duration ttl = seconds(10);

inline std::vector<SlotView> table_of(Cluster& cluster) {
    const Roster roster = *cluster.assemble();
    const Threshold rule = Threshold::majority(roster.disks());
    TableReader table(cluster.world, roster, rule);
    CHECK(cluster.run(table.read(cluster.soon())));
    std::vector<SlotView> views;
    for (std::uint32_t slot = 0; slot < roster.common.geometry.slots; ++slot) {
        views.push_back(table.view(slot));
    }
    return views;
}

inline std::vector<std::uint32_t> owned_by(Cluster& cluster, const std::string& name) {
    std::vector<std::uint32_t> slots;
    const std::vector<SlotView> table = table_of(cluster);
    for (std::uint32_t slot = 0; slot < table.size(); ++slot) {
        if (table[slot].held_by(host_named(name).id)) slots.push_back(slot);
    }
    return slots;
}

inline std::size_t free_in(Cluster& cluster) {
    return static_cast<std::size_t>(
        std::ranges::count(table_of(cluster), true, &SlotView::claimable));
}

// A process with a seat and its keeper, as a program has them.
class Resident {
  public:
    Resident(Cluster& on, HostLocks& kernel, const std::string& name, std::uint8_t boot = 1,
             Duration uptime = std::chrono::hours(1))
        : cluster(on),
          process(on, kernel, host_named(name, boot), std::nullopt, std::chrono::hours(1)),
          keeper(on.world, process.group.roster(), process.group.rule(), process.locks,
                 host_named(name, boot), uptime, process.seated ? process.group.seat()->slot : 0),
          scope(on.queue) {}

    void keep() { scope.spawn(keeper.keep(over)); }
    static Task<void> end(Resident& self) {
        self.over.set();
        const bool more = co_await self.keeper.owns_more();
        if (!more) co_return;
        const bool left =
            co_await self.process.group.leave_seat(self.process.locks, self.cluster.soon());
        if (left) self.given = co_await self.keeper.give_back_rest();
    }
    void begin_end() { scope.spawn(end(*this)); }
    void finish() {
        for (cluster.queue.run_all(); !scope.idle().is_set(); cluster.queue.run_all()) {
            cluster.clock.advance_to_next();
        }
    }

    Cluster& cluster;
    Process process;
    SlotKeeper keeper;
    Event over;
    std::vector<std::uint32_t> given;
    Scope scope;
};

inline Task<bool> sleep(Clock& clock, Duration time) {
    co_await clock.sleep(time);
    co_return true;
}

}  // namespace diskpaxos
