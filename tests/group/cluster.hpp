// Cluster: hosts and processes over one formatted group of memory disks.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "group/format.hpp"
#include "group/group.hpp"
#include "group/values.hpp"
#include "unit/testbed/memory_disk.hpp"
#include "unit/testbed/test_world.hpp"

namespace diskpaxos {

// What the kernel of one host knows: which slot is locked on which disk.
class HostLocks {
  public:
    class OfProcess final : public SlotLocks {
      public:
        explicit OfProcess(HostLocks& host) : host_(host) {}
        ~OfProcess() override {
            std::erase_if(host_.held_, [this](const auto& lock) { return lock.second == this; });
        }
        bool try_lock(Disk& disk, std::uint32_t slot) override {
            if (host_.doubted.contains({&disk, slot})) return false;
            return host_.held_.try_emplace({&disk, slot}, this).first->second == this;
        }
        void unlock(Disk& disk, std::uint32_t slot) override { host_.held_.erase({&disk, slot}); }
        void doubt(Disk& disk, std::uint32_t slot, Duration time) override {
            host_.doubted[{&disk, slot}] = time;
        }

      private:
        HostLocks& host_;
    };
    std::map<std::pair<Disk*, std::uint32_t>, const OfProcess*> held_;
    // For how long; here for good, until a test takes it away.
    std::map<std::pair<Disk*, std::uint32_t>, Duration> doubted;
};

inline Host host_named(const std::string& name, std::uint8_t boot = 1) {
    Host host;
    host.id[0] = static_cast<std::byte>(name.empty() ? 0 : name[0]);
    host.boot[0] = static_cast<std::byte>(boot);
    host.name = name;
    return host;
}

class Cluster : public TestWorld {
  public:
    static constexpr Geometry small{.block_size = 512, .slots = 8, .ring = 2, .cells = 4};

    // `active`: how many of them are, the last ones.
    explicit Cluster(std::size_t count = 3, Geometry shape = small, std::size_t active = 0)
        : geometry(shape) {
        for (std::size_t i = 0; i < count; ++i) {
            static constexpr std::array<const char*, 5> names{"a", "b", "c", "d", "e"};
            disks.push_back(std::make_unique<MemoryDisk>(queue, names[i], shape.block_size,
                                                         shape.blocks()));
            disks.back()->is_active = i >= count - active;
        }
    }

    Result<void> format(std::uint32_t host_slots = 4, std::string host = "home") {
        FormatPlan plan;
        plan.superblock = new_superblock("test", disks.size(), geometry, 10'000, 0);
        plan.disks = all();
        plan.host = host_named(std::move(host));
        plan.host_slots = host_slots;
        const bool stop = false;
        Formatter formatter(world, std::move(plan), [](std::uint64_t) {});
        return run(formatter.run(stop));
    }

    std::vector<Disk*> all() {
        std::vector<Disk*> result;
        for (const auto& disk : disks) result.push_back(disk.get());
        return result;
    }
    Instant soon() { return clock.now() + std::chrono::seconds(60); }

    Result<Roster> assemble(std::vector<Disk*> named) {
        Assembly assembly(world, std::move(named));
        return run(assembly.run(true, soon()));
    }
    Result<Roster> assemble() { return assemble(all()); }

    Geometry geometry;
    std::vector<std::unique_ptr<MemoryDisk>> disks;
};

// A process of a host that has taken its seat.
class Process {
  public:
    Process(Cluster& cluster, HostLocks& kernel, Host host,
            std::optional<std::uint32_t> slot = std::nullopt,
            Duration uptime = std::chrono::hours(1),
            std::function<void(const std::string&)> say = [](const std::string&) {})
        : locks(kernel), group(cluster.world, *cluster.assemble()), directory(group) {
        SeatWish wish;
        wish.host = std::move(host);
        wish.uptime = uptime;
        wish.slot = slot;
        wish.say = std::move(say);
        const Instant deadline = cluster.clock.now() + std::chrono::seconds(40);
        seated = cluster.run(group.take_seat(locks, std::move(wish), deadline));
    }

    HostLocks::OfProcess locks;
    Group group;
    Directory directory;
    Result<void> seated;
};

}  // namespace diskpaxos
