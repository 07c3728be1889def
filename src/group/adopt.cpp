#include "group/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos {

Task<Adoption::Outcome> Adoption::run() {
    std::vector<Disk*> blank;
    for (const Identity& stranger : roster_.strangers) {
        if (!stranger.answered || stranger.error != 0) continue;
        Disk& disk = *stranger.disk;
        std::string why = unfit(disk, disk.active());
        if (why.empty()) {
            const std::optional<std::size_t> known = co_await recognise(disk);
            if (known) why = adopt(disk, *known, false);
            if (!known) blank.push_back(&disk);
        }
        if (!why.empty()) outcome_.left.push_back({std::string(disk.name()), std::move(why)});
    }
    for (Disk* disk : blank) {
        std::string why = "nothing on it says that it is a disk of the group";
        const bool chosen = replaced_ && blank.size() == 1;
        if (chosen) why = adopt(*disk, *replaced_, true);
        if (why.empty()) continue;
        outcome_.left.push_back({std::string(disk->name()), std::move(why), !chosen});
    }
    co_return outcome_;
}

// Why it cannot be a disk of this group; empty: it can.
std::string Adoption::unfit(Disk& disk, bool active) const {
    const Geometry& geometry = roster_.shapes[active];
    if (!disk.use_block_size(geometry.block_size)) {
        return fmt::format("its sectors have {} bytes, the group's blocks {}", disk.block_size(),
                           geometry.block_size);
    }
    const std::uint64_t bytes = disk.blocks() * geometry.block_size;
    if (bytes >= geometry.bytes()) return {};
    return fmt::format("it is too small: {} bytes, {} are needed", bytes, geometry.bytes());
}

// Why it does not become a member; empty: it is one now.
std::string Adoption::adopt(Disk& disk, std::size_t index, bool by_word) {
    if (roster_.common.is_active(index) != disk.active()) {
        return fmt::format("it is {} disk, and disk {} of the group is not",
                           disk.active() ? "an active" : "an ordinary", index + 1);
    }
    if (roster_.members[index] != nullptr) {
        return fmt::format("it would be disk {} of the group, and {} is that already", index + 1,
                           roster_.members[index]->name());
    }
    roster_.members[index] = &disk;
    roster_.names[index] = std::string(disk.name());
    outcome_.adopted.push_back({index, by_word});
    return {};
}

// A block of this group that survived says which disk it is.
Task<std::optional<std::size_t>> Adoption::recognise(Disk& disk) {
    const Geometry& geometry = roster_.shapes[disk.active()];
    const std::uint64_t chunk = (1U << 20) / geometry.block_size;
    for (std::uint64_t first = 0; first < geometry.blocks(); first += chunk) {
        const Extent extent{first, std::min(chunk, geometry.blocks() - first)};
        IoPtr io = disk.prepare(Io::Kind::read, Extent{}, extent);
        io = co_await Transfer(disk, std::move(io));
        if (io->error != 0) continue;
        for (std::uint64_t i = 0; i < extent.count; ++i) {
            const ByteView block =
                io->in.bytes().subspan(i * geometry.block_size, geometry.block_size);
            if (inspect_checksum(block) != Damage::none) continue;
            const BlockAddress address = address_of(block);
            if (address.group != roster_.common.group) continue;
            for (std::size_t index = 0; index < roster_.disks(); ++index) {
                if (Superblock::tag(roster_.common.disks[index]) == address.disk) co_return index;
            }
        }
    }
    co_return std::nullopt;
}

}  // namespace diskpaxos
