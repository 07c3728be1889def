#include "cli/dump_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/dump_cells.hpp"
#include "cli/existing.hpp"
#include "disk/block.hpp"
#include "group/assemble.hpp"

namespace diskpaxos::cli {

namespace {

Task<Identity> identity_of(Disk& device) {
    Identity identity(&device);
    co_await identify(identity);
    co_return identity;
}

// Where a superblock may lie of which nothing else is known: at either end of the disk.
Task<std::optional<Superblock>> left_by_format(Disk& device) {
    const std::uint64_t size = device.block_size();
    const std::uint64_t end = device.blocks() * size / 4096 * 4096;
    const std::array<std::uint64_t, 2> places = {0, end - superblock_area};
    for (std::uint32_t copy = 0; copy < places.size(); ++copy) {
        IoPtr io = device.prepare(Io::Kind::read, Extent{},
                                  Extent{places[copy] / size, superblock_area / size});
        io = co_await Transfer(device, std::move(io));
        if (io->error != 0) continue;
        if (auto found = superblock_before(io->in.bytes(), copy)) co_return found;
    }
    co_return std::nullopt;
}

// Whether rows have doors does not stand in what is left. Those of old groups have none: there the first
// block of a row is a slot's.
Task<bool> has_doors(Disk& device, const Superblock& superblock) {
    if (superblock.geometry.doors() == 0) co_return false;
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, Extent{superblock.geometry.door(0, 1), 1});
    io = co_await Transfer(device, std::move(io));
    const RowAddress row{superblock.group, superblock.disk_tag(), 0, &superblock.geometry};
    co_return io->error != 0 || decode_block(io->in.bytes(), row.block(0)).state == BlockState::unknown;
}

Result<DumpLayout> layout_before(RealWorld& real, Disk& device, const Identity& identity) {
    auto superblock = real.run(left_by_format(device));
    const bool fits = superblock && device.use_block_size(superblock->geometry.block_size);
    if (!fits) {
        return std::unexpected(Error{
            Code::bad_data, fmt::format("{} is retired: group \"{}\" was formatted over by host {}; what is "
                                        "left of its superblock does not tell how it was laid out",
                                        device.name(), identity.retired->name,
                                        identity.retired->host_name)});
    }
    if (device.active()) {
        superblock->active = (1U << superblock->disks.size()) - 1;
        superblock->geometry.active = true;
        superblock->geometry.tier = 0;
    } else if (!real.run(has_doors(device, *superblock))) {
        superblock->geometry.tier = 0;
    }
    if (superblock->geometry.blocks() > device.blocks()) {
        return std::unexpected(
            Error{Code::bad_data, fmt::format("{} has been cut short", device.name())});
    }
    return DumpLayout{std::move(*superblock), identity.retired};
}

}  // namespace

Result<DumpLayout> layout_of(RealWorld& real, Disk& device, Duration patience) {
    Assembly assembly(real.world(), {&device});
    const Result<Roster> roster = real.run(assembly.run(false, real.loop().now() + patience));
    if (roster) {
        const auto member = std::ranges::find(roster->members, &device);
        Superblock superblock = roster->common;
        superblock.index = static_cast<std::uint16_t>(member - roster->members.begin());
        superblock.geometry = roster->geometry(superblock.index);
        return DumpLayout{std::move(superblock), std::nullopt};
    }
    if (roster.error().code != Code::bad_data) return std::unexpected(roster.error());
    const Identity identity = real.run(identity_of(device));
    if (identity.retired) return layout_before(real, device, identity);
    const bool lost = identity.error == 0 && !identity.newer() && !identity.superblock;
    const bool something = lost && !real.run(existing_content(device)).empty();
    if (!something) return std::unexpected(roster.error());
    return std::unexpected(
        Error{Code::bad_data,
              fmt::format("neither superblock of {} can be used (front: {}, back: {}), so nothing tells "
                          "how it is laid out; if it is a disk of a group, name the others as well, and "
                          "\"diskpaxos check --repair\" makes it whole",
                          device.name(), describe(identity.front), describe(identity.back))});
}

}  // namespace diskpaxos::cli
