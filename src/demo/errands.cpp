#include "demo/errands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "group/adopt.hpp"
#include "group/format.hpp"
#include "group/heal.hpp"
#include "node/open_group.hpp"

namespace diskpaxos::demo {

namespace {

using namespace std::chrono_literals;

constexpr Geometry shape{512, 16, 2, 256};
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

// In blocks as large as the file system below asks for.
Result<Geometry> create_all(const std::vector<std::string>& paths) {
    Geometry geometry = shape;
    for (const std::string& path : paths) {
        if (auto fine = resize(path, O_CREAT | O_EXCL, shape.bytes()); !fine) {
            return std::unexpected(fine.error());
        }
        const auto file = io::OpenDisk::open(path, io::Access::read);
        if (!file) return std::unexpected(file.error());
        geometry.block_size = std::max(geometry.block_size, (*file)->facts().logical_block_size);
    }
    for (const std::string& path : paths) {
        if (auto fine = resize(path, 0, geometry.bytes()); !fine) {
            return std::unexpected(fine.error());
        }
    }
    return geometry;
}

// Notes every now and then how much of the damage is gone.
class Gauge {
  public:
    Gauge(const Play& play, node::OpenGroup& group, const QuorumRule& rule, std::size_t disk)
        : play_(play), group_(group), rule_(rule), disk_(disk) {}

    Task<bool> look() {  // whether every disk is sound
        Checker checker(group_.world(), group_.roster(), rule_);
        const CheckReport report = co_await checker.run();
        const DiskReport& damaged = report.disks[disk_];
        const std::uint64_t left = damaged.damaged + damaged.slot_entries_damaged;
        const bool sound = report.sound();
        Note note;
        note.event.at = now();
        note.event.what = sound ? Happening::sound : Happening::healing;
        note.event.subject = static_cast<std::uint8_t>(disk_);
        const std::uint64_t all = damaged.blocks + 2 * shape.slots;
        note.event.percent = static_cast<std::uint32_t>((all - left) * 100 / all);
        play_.send(note);
        co_return sound;
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

Task<Result<bool>> heal_once(node::OpenGroup& group, const QuorumRule& rule, Gauge& gauge,
                             Host host) {
    bool done = false;
    Scope scope(group.world().queue);
    scope.spawn(gauge.watch(done));
    Healer healer(group.world(), group.roster(), rule, group.locks(), std::move(host));
    const Result<HealReport> healed = co_await healer.run(group.deadline());
    done = true;
    co_await scope.idle().wait();
    if (!healed) co_return std::unexpected(healed.error());
    co_return co_await gauge.look();
}

Task<bool> pause(Clock& clock) {
    co_await clock.sleep(100ms);
    co_return true;
}

}  // namespace

Result<void> make_group(const Play& play) {
    const Result<Geometry> geometry = create_all(play.disks());
    if (!geometry) return std::unexpected(geometry.error());
    auto real = node::RealWorld::make(io::Backend::automatic, [](const std::string&) {});
    if (!real) return std::unexpected(real.error());
    FormatPlan plan;
    const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(play.ttl());
    plan.superblock = new_superblock("demo", play.disks().size(), *geometry,
                                     static_cast<std::uint32_t>(ttl.count()), node::unix_ms());
    for (const std::string& path : play.disks()) {
        auto file = io::OpenDisk::open(path, io::Access::overwrite);
        if (!file) return std::unexpected(file.error());
        Disk& disk = (*real)->add(std::move(*file));
        if (!disk.use_block_size(geometry->block_size)) {
            return std::unexpected(Error{Code::io, path + ": its block size does not fit"});
        }
        plan.disks.push_back(&disk);
    }
    const Result<node::ThisHost> host = node::this_host(plan.superblock.group);
    if (!host) return std::unexpected(host.error());
    plan.host = host->host;
    plan.host_slots = geometry->slots;  // all of them are ours
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
    Adoption adoption((*group)->world(), (*group)->roster());
    const auto adopted = (*group)->run(adoption.run());
    if (!adopted) return std::unexpected(adopted.error());
    const Result<node::ThisHost> host = node::this_host((*group)->roster().common.group);
    if (!host) return std::unexpected(host.error());
    const Threshold rule = Threshold::majority((*group)->roster().disks());
    Gauge gauge(play, **group, rule, disk);
    const Instant end = now() + patience;
    for (;;) {
        const Result<bool> sound = (*group)->run(heal_once(**group, rule, gauge, host->host));
        if (!sound) return std::unexpected(sound.error());
        if (*sound || !to_the_end) return {};
        if (now() > end) return std::unexpected(Error{Code::no, "the disk does not become sound"});
        (*group)->run(pause((*group)->world().clock));
    }
}

}  // namespace diskpaxos::demo
