// `format`: makes disks a group. Everything that can be refused is refused before the first write;
// after that, whatever goes wrong leaves no group behind.
#include "group/format.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "cli/existing.hpp"
#include "cli/invocation.hpp"
#include "cli/lock_view.hpp"
#include "cli/new_disks.hpp"
#include "cli/open_group.hpp"
#include "cli/progress.hpp"
#include "cli/takeover.hpp"
#include "cli/write_group_file.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::cli {

namespace fs = std::filesystem;
namespace {

struct Order {  // what was asked for, checked
    std::string name;
    Geometry geometry;
    std::uint32_t ttl_ms = 0;
    std::vector<Candidate> disks;
};

Result<std::vector<std::string>> disks_of(const Invocation& call) {
    std::vector<std::string> paths = call.arguments();
    for (const std::string& path : call.all("disk")) paths.push_back(path);
    if (paths.empty()) return usage("no disks are named; it is: diskpaxos format DISK...");
    if (paths.size() % 2 == 0) {
        return usage(
            fmt::format("{0} disks are an even number: their majority is {1}, so they survive the "
                        "loss of {2}, as many as with {3}, and cost one disk more; take {3} or {4}",
                        paths.size(), paths.size() / 2 + 1, paths.size() / 2 - 1, paths.size() - 1,
                        paths.size() + 1));
    }
    if (paths.size() > max_disks) {
        return usage(fmt::format("a group has at most {} disks", max_disks));
    }
    return paths;
}

Result<std::string> name_of(const Invocation& call) {
    std::string fallback = fs::path(call.text("conf").value_or("group")).stem().string();
    std::string name = call.text("name").value_or(std::move(fallback));
    const bool fine = !name.empty() && name.size() <= max_group_name && is_utf8(name) &&
                      std::ranges::none_of(name, [](char c) {
                          return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/';
                      });
    if (!fine) {
        return usage(
            fmt::format("the group's name must have 1 to {} bytes, and neither slashes nor "
                        "control characters",
                        max_group_name));
    }
    return name;
}

Result<std::uint32_t> ttl_of(const Invocation& call) {
    const Result<Duration> ttl = parse_duration(call.text("ttl").value_or("10s"), "--ttl");
    if (!ttl) return std::unexpected(ttl.error());
    if (*ttl < std::chrono::seconds(1) || *ttl > std::chrono::hours(1)) {
        return usage("--ttl must be from 1s to 1h");
    }
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(*ttl).count());
}

// What the group takes of this disk.
std::uint64_t bytes_on(const Candidate& disk, Geometry geometry) {
    geometry.active = is_active(disk);
    return geometry.bytes();
}

// A drive that takes blocks of 512 bytes, but writes sectors of 4096, can tear the neighbours of a
// block: with blocks of a sector it cannot. Only where every disk has the room and can do it.
bool wants_sectors(Geometry geometry, const std::vector<Candidate>& disks) {
    geometry.block_size = 4096;
    return std::ranges::any_of(disks, [](const Candidate& disk) { return disk.sector >= 4096; }) &&
           std::ranges::none_of(disks, [&](const Candidate& disk) {
               return is_active(disk) || room_on(disk) < bytes_on(disk, geometry);
           });
}

Result<Geometry> geometry_of(const Invocation& call, const std::vector<Candidate>& disks) {
    Geometry geometry;
    // Where all disks are active nothing on them grows with the slots: they are session numbers.
    if (std::ranges::all_of(disks, is_active)) geometry.slots = max_slots;
    const auto slots = call.number("slots", geometry.slots, 1, max_slots);
    if (!slots) return std::unexpected(slots.error());
    const auto cells = call.number("cells", geometry.cells, 1, max_cells);
    if (!cells) return std::unexpected(cells.error());
    geometry.slots = static_cast<std::uint32_t>(*slots);
    geometry.cells = static_cast<std::uint32_t>(*cells);
    const bool rows = !std::ranges::all_of(disks, is_active);
    if (rows) geometry.tier = first_tier(geometry.slots);
    std::uint32_t largest = 512;
    for (const Candidate& disk : disks) largest = std::max(largest, disk.logical_block_size);
    const std::string wish = call.text("block-size").value_or("auto");
    const bool large =
        wish == "auto" ? largest > 512 || wants_sectors(geometry, disks) : wish == "4096";
    geometry.block_size = large ? 4096 : 512;
    if (largest > geometry.block_size) {
        return usage(fmt::format("a disk has blocks of {} bytes; {} is not possible", largest,
                                 geometry.block_size));
    }
    for (const Candidate& disk : disks) {
        if (!is_active(disk) || disk.logical_block_size == geometry.block_size) continue;
        return usage(fmt::format("{} has blocks of {} bytes, which an active disk cannot change; "
                                 "{} is not possible",
                                 disk.path, disk.logical_block_size, geometry.block_size));
    }
    if (const char* objection = geometry.objection()) return usage(objection);
    return geometry;
}

Result<void> refuse_old_conf(const Invocation& call) {
    const std::optional<std::string> conf = call.text("conf");
    std::error_code ignored;
    if (!conf || call.has("force") || !fs::exists(*conf, ignored)) return {};
    return std::unexpected(
        Error{Code::no, fmt::format("the group file {} exists; --force overwrites it", *conf)});
}

std::uint64_t most_bytes(const Order& order) {
    std::uint64_t most = 0;
    for (const Candidate& disk : order.disks) most = std::max(most, bytes_on(disk, order.geometry));
    return most;
}

Result<Order> understood(const Invocation& call, RealWorld& real) {
    Order order;
    const auto paths = disks_of(call);
    if (!paths) return std::unexpected(paths.error());
    auto name = name_of(call);
    if (!name) return std::unexpected(name.error());
    const auto ttl = ttl_of(call);
    if (!ttl) return std::unexpected(ttl.error());
    if (auto fine = refuse_old_conf(call); !fine) return std::unexpected(fine.error());
    const auto time_out = call.timeout();
    if (!time_out) return std::unexpected(time_out.error());
    auto disks = examine(*paths, real, *time_out);
    if (!disks) return std::unexpected(disks.error());
    const auto geometry = geometry_of(call, *disks);
    if (!geometry) return std::unexpected(geometry.error());
    for (const Candidate& disk : *disks) {
        if (auto fine = refuse_small(disk, bytes_on(disk, *geometry)); !fine) {
            return std::unexpected(fine.error());
        }
    }
    if (call.has("conf")) {
        if (auto fine = node::fits_group_file(lasting_names(*disks)); !fine) {
            return std::unexpected(fine.error());
        }
    }
    order.name = std::move(*name);
    order.ttl_ms = *ttl;
    order.geometry = *geometry;
    order.disks = std::move(*disks);
    return order;
}

std::string content_of(const Candidate& disk) {
    std::string text;
    for (const std::string& what : disk.content) text += (text.empty() ? "" : ", ") + what;
    return text;
}

// What would be lost is named first; then a person may say yes, or --force has.
Result<void> confirm(const Order& order, const Invocation& call) {
    std::string losses;
    for (const Candidate& disk : order.disks) {
        if (disk.content.empty()) continue;
        losses +=
            fmt::format("{}{} holds {}", losses.empty() ? "" : "; ", disk.path, content_of(disk));
    }
    if (losses.empty() || call.has("force")) return {};
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        return std::unexpected(
            Error{Code::no, fmt::format("{}; nothing was written, --force overwrites it", losses)});
    }
    fmt::print(stderr, "{}.\nAll of it will be lost. Type yes to go on: ", losses);
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "yes") return {};
    return std::unexpected(Error{Code::no, "the answer was not yes; nothing was written"});
}

Json described(const Order& order) {
    Json object;
    object["name"] = order.name;
    object["disks"] = Json::array();
    for (const Candidate& disk : order.disks) {
        Json entry;
        entry["path"] = disk.path;
        entry["created"] = disk.missing;
        entry["overwritten"] = disk.content;
        entry["active"] = is_active(disk);
        object["disks"].push_back(std::move(entry));
    }
    object["block_size"] = order.geometry.block_size;
    object["slots"] = order.geometry.slots;
    object["cells"] = order.geometry.cells;
    object["ttl_ms"] = order.ttl_ms;
    object["bytes_per_disk"] = most_bytes(order);
    return object;
}

std::string layout_of(const Order& order, const std::string& share) {
    const bool slots = !std::ranges::all_of(order.disks, is_active);
    return fmt::format("blocks of {} bytes, {} {}{}, {} cells, TTL {}", order.geometry.block_size,
                       order.geometry.slots, slots ? "slots" : "sessions at a time",
                       slots ? share : "", order.geometry.cells,
                       brief(std::chrono::milliseconds(order.ttl_ms)));
}

int show_plan(const Order& order, Output& out) {
    out.line(fmt::format("would make group \"{}\" of {} disk{}, {} each:", order.name,
                         order.disks.size(), order.disks.size() == 1 ? "" : "s",
                         in_bytes(static_cast<double>(most_bytes(order)))));
    for (const Candidate& disk : order.disks) {
        const std::string what = disk.missing           ? "would be created"
                                 : disk.content.empty() ? "blank"
                                                        : "would lose " + content_of(disk);
        out.line(fmt::format("  {}: {}", disk.path, what));
    }
    out.line(layout_of(order, "") + "; nothing was written");
    Json object = described(order);
    object["dry_run"] = true;
    out.object(std::move(object));
    return 0;
}

// From here on it writes.
Result<void> open_all(Order& order, RealWorld& real, CreatedFiles& created) {
    for (const Candidate& disk : order.disks) {
        if (!disk.missing) continue;
        const std::uint64_t bytes = bytes_on(disk, order.geometry);
        if (auto fine = created.create(disk.path, bytes); !fine) return fine;
    }
    for (Candidate& disk : order.disks) {
        if (is_active(disk)) {
            real.add(disk.path, std::move(disk.active));
            continue;
        }
        auto file = io::OpenDisk::open(disk.path, io::Access::overwrite, order.geometry.bytes());
        if (!file) return std::unexpected(file.error());
        if (!real.add(std::move(*file)).use_block_size(order.geometry.block_size)) {
            return usage(fmt::format("{} cannot be used in blocks of {} bytes; see --block-size",
                                     disk.path, order.geometry.block_size));
        }
    }
    if (auto fine = node::refuse_twins(real.members()); !fine) return fine;
    for (const Candidate& disk : order.disks) {
        if (disk.content.empty() || is_active(disk) || wipe_signatures(disk.path)) continue;
        return std::unexpected(Error{
            Code::io,
            fmt::format("{}: its old signatures cannot be removed; see wipefs(8)", disk.path)});
    }
    return {};
}

Task<void> stop_on(Event& signal, bool& stop) {
    co_await signal.wait();
    stop = true;
}

// The number of the signal that ended it early; 0: it was finished.
Result<int> write_all(RealWorld& real, FormatPlan plan, Event& signal, bool quiet) {
    bool stop = false;
    std::optional<Progress> bar;
    Formatter formatter(real.world(), std::move(plan),
                        [&bar](std::uint64_t bytes) { bar->show(bytes); });
    bar.emplace(formatter.total_bytes(), !quiet);
    Scope watch(real.loop().queue());
    watch.spawn(stop_on(signal, stop));
    const Result<void> done = real.run(formatter.run(stop));
    if (done) return 0;
    if (stop) return real.loop().signal();
    return std::unexpected(done.error());
}

void show_group(const Order& order, const Superblock& group, std::uint32_t host_slots,
                const Takeover& takeover, const Invocation& call, Output& out) {
    const std::string uuid = uuid_text(group.group);
    out.line(fmt::format("group \"{}\" {} on {} disk{}, {} each", group.name, uuid,
                         order.disks.size(), order.disks.size() == 1 ? "" : "s",
                         in_bytes(static_cast<double>(most_bytes(order)))));
    for (const Candidate& disk : order.disks) {
        out.line(fmt::format("  {}{}", disk.path, disk.missing ? " (created)" : ""));
    }
    out.line(layout_of(order, fmt::format(" ({} of them this host's)", host_slots)));
    if (const auto conf = call.text("conf")) out.line(fmt::format("group file: {}", *conf));
    Json object = described(order);
    object["group"] = uuid;
    object["host_slots"] = std::ranges::all_of(order.disks, is_active) ? 0 : host_slots;
    object["evicted"] = takeover.evicted;
    object["conf"] = call.text("conf") ? Json(*call.text("conf")) : Json();
    out.object(std::move(object));
}

void warn_of_overlays(const Order& order, Output& out) {
    for (const Candidate& disk : order.disks) {
        if (!disk.overlay) continue;
        out.warn(
            fmt::format("{} lies on overlayfs: whoever mounts the same layer elsewhere may write "
                        "to another file, and hold the same locks; use a volume or a device",
                        disk.path));
    }
}

FormatPlan plan_of(const Order& order, const RealWorld& real, const Takeover& takeover,
                   Output& out) {
    FormatPlan plan;
    for (const RealWorld::Member& member : real.members()) plan.disks.push_back(member.disk.get());
    plan.superblock = new_superblock(order.name, order.disks.size(), order.geometry, order.ttl_ms,
                                     node::unix_ms());
    for (const Candidate& disk : order.disks) {
        plan.before.push_back({disk.before.group, disk.before.retired.has_value()});
    }
    plan.wait = takeover.wait;
    plan.waiting = [&takeover, &out] {
        out.warn(
            fmt::format("waiting {} until all of group \"{}\" have noticed, and what they wrote "
                        "last has landed",
                        brief(takeover.wait), takeover.group));
    };
    return plan;
}

// After all the waiting.
void warn_of_users(const Order& order, RealWorld& real, const Takeover& takeover, Output& out) {
    if (takeover.wait == Duration(0)) return;
    for (const Candidate& disk : order.disks) {
        if (!used_here(disk, real)) continue;
        out.warn(
            fmt::format("{}: a process of this host still has the old group open; end it "
                        "(fuser names it)",
                        disk.path));
    }
}

}  // namespace

Result<int> run_format(const Invocation& call, Output& out) {
    const auto backend = call.backend();
    if (!backend) return std::unexpected(backend.error());
    auto real = RealWorld::make(*backend, warn_to(out));
    if (!real) return std::unexpected(real.error());
    Result<Order> order = understood(call, **real);
    if (!order) return std::unexpected(order.error());
    if (call.has("dry-run")) return show_plan(*order, out);
    warn_of_overlays(*order, out);
    if (auto fine = confirm(*order, call); !fine) return std::unexpected(fine.error());
    const Result<Takeover> takeover = take_over(order->disks, **real, call, out);
    if (!takeover) return std::unexpected(takeover.error());

    Event signal;
    CreatedFiles created;
    (*real)->loop().watch_signals({SIGINT, SIGTERM, SIGHUP}, signal);
    if (auto fine = open_all(*order, **real, created); !fine) return std::unexpected(fine.error());

    FormatPlan plan = plan_of(*order, **real, *takeover, out);
    const Superblock group = plan.superblock;
    const Result<node::ThisHost> host = node::this_host(group.group);
    if (!host) return std::unexpected(host.error());
    if (!host->note.empty()) out.warn(host->note);
    plan.host = host->host;
    plan.host_slots = first_share(order->geometry.slots);
    const std::uint32_t host_slots = plan.host_slots;

    const Result<int> stopped = write_all(**real, std::move(plan), signal, out.json());
    if (!stopped) return std::unexpected(stopped.error());
    if (*stopped != 0) {
        return out.fail("interrupted", "format was interrupted; no group was made, format again",
                        128 + *stopped);
    }
    if (auto fine = created.keep(); !fine) return std::unexpected(fine.error());
    if (const auto conf = call.text("conf")) {
        if (auto fine = write_group_file(*conf, group, order->disks); !fine) {
            return std::unexpected(fine.error());
        }
    }
    out.changed();
    warn_of_users(*order, **real, *takeover, out);
    show_group(*order, group, host_slots, *takeover, call, out);
    return 0;
}

}  // namespace diskpaxos::cli
