#include "demo/errands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "group/adopt.hpp"
#include "group/format.hpp"
#include "group/heal.hpp"
#include "group/heal_registers.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

constexpr Geometry shape{.block_size = 512, .slots = 16, .ring = 2, .cells = 256, .tier = usual_tier};
constexpr Duration patience = 20s;

std::unexpected<Error> trouble(const std::string& path) {
    return std::unexpected(Error{Code::io, fmt::format("{}: {}", path, std::strerror(errno))});
}

Result<void> resize(const std::string& path, int flags, std::uint64_t bytes) {
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0644);
    if (file < 0) return trouble(path);
    const int error = ftruncate(file, static_cast<off_t>(bytes));
    close(file);
    if (error != 0) return trouble(path);
    return {};
}

Result<Disk*> open_new(node::RealWorld& real, const std::string& name, const Geometry& geometry) {
    if (node::is_url(name)) {
        auto active = real.run(node::open_active(real.world(), real.loop(), name, patience));
        if (!active) return std::unexpected(active.error());
        return &real.add(name, std::move(*active));
    }
    auto file = io::OpenDisk::open(name, io::Access::overwrite);
    if (!file) return std::unexpected(file.error());
    Disk& disk = real.add(std::move(*file));
    if (disk.use_block_size(geometry.block_size)) return &disk;
    return std::unexpected(Error{Code::io, name + ": its block size does not fit"});
}

// Whether every row counts again. What is damaged in the slot table itself is nobody's licence, and
// waits for a watch that is longer than this show (docs/slots.md, R3).
bool rows_sound(const CheckReport& report) {
    return std::ranges::all_of(report.disks, [](const DiskReport& disk) {
        const bool superblocks = disk.front_superblock && disk.back_superblock;
        return disk.present && disk.error == 0 && superblocks && disk.damaged == 0;
    });
}

// Notes every now and then how much of the damage is gone.
class Gauge {
  public:
    Gauge(const Play& play, node::OpenGroup& group, const QuorumRule& rule, std::size_t disk)
        : play_(play), group_(group), rule_(rule), disk_(disk) {}

    Task<CheckReport> look() {
        Checker checker(group_.world(), group_.roster(), rule_);
        CheckReport report = co_await checker.run();
        const DiskReport& damaged = report.disks[disk_];
        const std::uint64_t left = damaged.damaged;
        Note note;
        note.event.at = now();
        note.event.what = rows_sound(report) ? Happening::sound : Happening::healing;
        note.event.subject = static_cast<std::uint8_t>(disk_);
        const std::uint64_t all = damaged.blocks;
        note.event.percent = static_cast<std::uint32_t>((all - left) * 100 / all);
        play_.send(note);
        co_return report;
    }
    Task<void> watch(const bool& done) {
        while (!done) {
            (void)co_await look();
            co_await group_.world().clock.sleep(40ms);
        }
    }

  private:
    const Play& play_;
    node::OpenGroup& group_;
    const QuorumRule& rule_;
    std::size_t disk_;
};

// One part of the healing, under the eye of the gauge.
template <class T>
Task<T> watched(World& world, Gauge& gauge, Task<T> part) {
    bool done = false;
    Scope scope(world.queue);
    scope.spawn(gauge.watch(done));
    T outcome = co_await part;
    done = true;
    co_await scope.idle().wait();
    co_return outcome;
}

Task<bool> pause(Clock& clock) {
    co_await clock.sleep(100ms);
    co_return true;
}

// Whether all is well but, perhaps, registers: those take a seat to heal.
bool slots_sound(const CheckReport& report, const Roster& roster) {
    for (std::size_t i = 0; i < report.disks.size(); ++i) {
        const DiskReport& disk = report.disks[i];
        const bool hurt = disk.error != 0;
        if (hurt || (!roster.common.is_active(i) && disk.damaged > 0)) return false;
        if (!disk.present || !disk.front_superblock || !disk.back_superblock) return false;
    }
    return true;
}

// Heals one damaged disk of a group.
class Treatment {
  public:
    Treatment(const Play& play, node::OpenGroup& group, std::size_t disk, bool to_the_end)
        : group_(group),
          rule_(Threshold::majority(group.roster().disks())),
          gauge_(play, group, rule_, disk),
          to_the_end_(to_the_end),
          end_(now() + patience) {}

    Result<void> run() {
        const bool active_only = group_.roster().common.kinds() == DiskKinds::active;
        if (!active_only) {
            if (auto fine = heal_slots(); !fine) return fine;
        }
        if (group_.roster().active().empty()) return {};
        return heal_registers();
    }

  private:
    Result<void> heal_slots() {
        const Result<node::ThisHost> host = node::this_host(group_.roster().common.group);
        if (!host) return std::unexpected(host.error());
        for (;;) {
            const HealWish wish{.slots = {}, .watch = false};
            Healer healer(group_.world(), group_.roster(), rule_, group_.locks(), host->host, wish);
            auto healed = watched(healer.run(group_.deadline()));
            if (!healed) return std::unexpected(healed.error());
            const CheckReport report = group_.run(gauge_.look());
            if (slots_sound(report, group_.roster()) || !to_the_end_) return {};
            if (auto fine = wait(); !fine) return fine;
        }
    }

    // The superblocks are the last, where nobody has slots to heal.
    Result<void> heal_registers() {
        const bool active_only = group_.roster().common.kinds() == DiskKinds::active;
        if (auto seated = group_.take_seat(); !seated) return seated;
        for (;;) {
            RegisterHealer registers(group_.group());
            (void)watched(registers.run(group_.timeout()));
            if (active_only) {
                Healer healer(group_.world(), group_.roster(), rule_, group_.locks(), Host());
                (void)watched(healer.run_without_slots());
            }
            const CheckReport report = group_.run(gauge_.look());
            if (rows_sound(report) || !to_the_end_) return {};
            if (auto fine = wait(); !fine) return fine;
        }
    }

    template <class T>
    T watched(Task<T> part) {
        return group_.run(demo::watched(group_.world(), gauge_, std::move(part)));
    }

    Result<void> wait() {
        if (now() > end_) return std::unexpected(Error{Code::no, "the disk does not become sound"});
        group_.run(pause(group_.world().clock));
        return {};
    }

    node::OpenGroup& group_;
    Threshold rule_;
    Gauge gauge_;
    bool to_the_end_;
    Instant end_;
};

}  // namespace

// In blocks as large as the file systems below ask for.
Result<Geometry> create_files(const Play& play) {
    Geometry geometry = shape;
    for (const Store& store : play.stores()) {
        if (store.active()) continue;
        if (auto fine = resize(store.file, O_CREAT | O_EXCL, shape.bytes()); !fine) {
            return std::unexpected(fine.error());
        }
        const auto file = io::OpenDisk::open(store.file, io::Access::read);
        if (!file) return std::unexpected(file.error());
        geometry.block_size = std::max(geometry.block_size, (*file)->facts().logical_block_size);
    }
    for (const Store& store : play.stores()) {
        if (store.active()) continue;
        if (auto fine = resize(store.file, 0, geometry.bytes()); !fine) {
            return std::unexpected(fine.error());
        }
    }
    return geometry;
}

Result<void> make_group(const Play& play, const Geometry& geometry) {
    auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
    if (!real) return std::unexpected(real.error());
    FormatPlan plan;
    const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(play.ttl());
    plan.superblock = new_superblock("demo", play.disks().size(), geometry,
                                     static_cast<std::uint32_t>(ttl.count()), node::unix_ms());
    for (const std::string& name : play.disks()) {
        const Result<Disk*> disk = open_new(**real, name, geometry);
        if (!disk) return std::unexpected(disk.error());
        plan.disks.push_back(*disk);
    }
    const Result<node::ThisHost> host = node::this_host(plan.superblock.group);
    if (!host) return std::unexpected(host.error());
    plan.host = host->host;
    plan.host_slots = geometry.slots;  // all of them are ours
    Formatter formatter((*real)->world(), std::move(plan), [](std::uint64_t) {});
    const bool stop = false;
    return (*real)->run(formatter.run(stop));
}

Result<void> heal_group(const Play& play, std::size_t disk, bool to_the_end) {
    node::OpenOptions options;
    options.disks = play.disks();
    options.timeout = patience;
    auto group = node::OpenGroup::open(std::move(options));
    if (!group) return std::unexpected(group.error());
    Roster& roster = (*group)->roster();
    Adoption adoption((*group)->world(), roster, roster.only_missing());  // we have wiped it
    (*group)->run(adoption.run());
    (*group)->lock_active_disks();
    return Treatment(play, **group, disk, to_the_end).run();
}

}  // namespace diskpaxos::demo
