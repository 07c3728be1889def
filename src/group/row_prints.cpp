#include "group/row_prints.hpp"

#include <algorithm>
#include <functional>

#include "base/crc32c.hpp"
#include "disk/disk.hpp"

namespace diskpaxos {

RowPrints::RowPrints(World& world, const Roster& roster, std::vector<std::uint32_t> slots)
    : world_(world),
      roster_(roster),
      slots_(std::move(slots)),
      prints_(roster.disks()),
      fan_(world) {}

Task<bool> RowPrints::read(Instant deadline) {
    const Threshold rule = Threshold::majority(roster_.disks());
    const auto enough = [&] { return rule.suffices(Purpose::read, done_); };
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr) fan_.start(read_disk(disk));
    }
    const std::function<bool()> majority = enough;
    co_await fan_.gather(majority, deadline);
    co_return enough();
}

Task<void> RowPrints::read_disk(std::size_t disk) {
    if (roster_.common.is_active(disk)) {  // no ring there: its steps are told by the passive ones
        done_.insert(disk);
        co_return;
    }
    Disk& device = *roster_.members[disk];
    const Geometry& geometry = roster_.common.geometry;
    for (std::uint32_t cell = 0; cell < geometry.cells; ++cell) {
        for (const std::uint32_t slot : slots_) {
            const Extent ring{geometry.block(cell, slot, 0), geometry.ring};
            IoPtr io = device.prepare(Io::Kind::read, Extent{}, ring);
            io = co_await Transfer(device, std::move(io));
            if (io->error != 0) co_return;
            prints_[disk].push_back(crc32c(std::as_const(io->in).bytes()));
        }
    }
    done_.insert(disk);
}

std::optional<std::uint32_t> RowPrints::changed_since(const RowPrints& before) const {
    for (std::size_t disk = 0; disk < prints_.size(); ++disk) {
        const std::size_t both = std::min(prints_[disk].size(), before.prints_[disk].size());
        for (std::size_t i = 0; i < both; ++i) {
            if (prints_[disk][i] != before.prints_[disk][i]) return slots_[i % slots_.size()];
        }
    }
    return std::nullopt;
}

}  // namespace diskpaxos
