#include "cli/format_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/output.hpp"
#include "cli/write_group_file.hpp"
#include "disk/superblock.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::cli {

namespace fs = std::filesystem;

// What the group takes of this disk.
std::uint64_t bytes_on(const Candidate& disk, Geometry geometry) {
    geometry.active = is_active(disk);
    return geometry.bytes();
}

namespace {

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

// Opening a disk for writing changes nothing on it, but tells whether it may be written.
Result<void> refuse_unwritable(const std::vector<Candidate>& disks, const Geometry& geometry) {
    for (const Candidate& disk : disks) {
        if (is_active(disk)) continue;
        if (disk.missing) {
            if (auto fine = refuse_closed_folder(disk.path); !fine) return fine;
            continue;
        }
        const auto file = io::OpenDisk::open(disk.path, io::Access::overwrite, geometry.bytes());
        if (!file) return std::unexpected(file.error());
    }
    return refuse_full(disks, geometry.bytes());
}

}  // namespace

std::uint64_t most_bytes(const Order& order) {
    std::uint64_t most = 0;
    for (const Candidate& disk : order.disks) most = std::max(most, bytes_on(disk, order.geometry));
    return most;
}

Result<Order> understood(const Invocation& call, node::RealWorld& real) {
    Order order;
    const auto paths = disks_of(call);
    if (!paths) return std::unexpected(paths.error());
    auto name = name_of(call);
    if (!name) return std::unexpected(name.error());
    const auto ttl = ttl_of(call);
    if (!ttl) return std::unexpected(ttl.error());
    const std::optional<std::string> conf = call.text("conf");
    if (conf) {
        auto fine = refuse_group_file(*conf, *paths, call.has("force"));
        if (!fine) return std::unexpected(fine.error());
    }
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
    if (conf) {
        if (auto fine = node::fits_group_file(lasting_names(*disks)); !fine) {
            return std::unexpected(fine.error());
        }
    }
    if (auto fine = refuse_unwritable(*disks, *geometry); !fine) {
        return std::unexpected(fine.error());
    }
    order.name = std::move(*name);
    order.ttl_ms = *ttl;
    order.geometry = *geometry;
    order.disks = std::move(*disks);
    return order;
}

}  // namespace diskpaxos::cli
