#include "group/adopt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace diskpaxos {

Task<Result<std::vector<Adoption::Adopted>>> Adoption::run() {
    std::vector<Adopted> adopted;
    for (const Identity& stranger : roster_.strangers) {
        if (!stranger.answered || stranger.error != 0) continue;
        Disk& disk = *stranger.disk;
        const Geometry& geometry = roster_.shapes[disk.active()];
        if (!disk.use_block_size(geometry.block_size) || disk.blocks() < geometry.blocks()) {
            co_return std::unexpected(Error{
                Code::bad_data, fmt::format("{} is too small for group {}: {} bytes are needed",
                                            disk.name(), roster_.common.name, geometry.bytes())});
        }
        const std::optional<std::size_t> known = co_await recognise(disk);
        const Result<std::size_t> index = known ? Result<std::size_t>(*known) : only_missing(disk);
        if (!index) co_return std::unexpected(index.error());
        if (roster_.common.is_active(*index) != disk.active()) {
            co_return std::unexpected(Error{
                Code::usage, fmt::format("{} is an {} disk, but the one that it would be in group "
                                         "{} is not",
                                         disk.name(), disk.active() ? "active" : "ordinary",
                                         roster_.common.name)});
        }
        if (roster_.members[*index] != nullptr) {
            co_return std::unexpected(
                Error{Code::usage, fmt::format("{} and {} are the same disk; name each once",
                                               roster_.members[*index]->name(), disk.name())});
        }
        roster_.members[*index] = &disk;
        roster_.names[*index] = std::string(disk.name());
        Adopted one;
        one.index = *index;
        one.by_elimination = !known;
        adopted.push_back(one);
    }
    co_return adopted;
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

Result<std::size_t> Adoption::only_missing(const Disk& disk) const {
    std::vector<std::size_t> missing;
    for (std::size_t index = 0; index < roster_.disks(); ++index) {
        if (roster_.members[index] == nullptr) missing.push_back(index);
    }
    if (missing.size() == 1) return missing.front();
    if (missing.empty()) {
        return std::unexpected(
            Error{Code::usage, fmt::format("{} is no disk of group {}, whose {} "
                                           "disks are all there",
                                           disk.name(), roster_.common.name, roster_.disks())});
    }
    return std::unexpected(
        Error{Code::usage,
              fmt::format("{} disks of group {} are missing, and nothing on {} says which it "
                          "is; bring back the others first",
                          missing.size(), roster_.common.name, disk.name())});
}

}  // namespace diskpaxos
