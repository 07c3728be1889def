#include "group/table_reader.hpp"

namespace diskpaxos {

Task<TableCopy> fetch_table(const Roster& roster, std::size_t disk) {
    Disk& device = *roster.members[disk];
    IoPtr io = device.prepare(Io::Kind::read, Extent{}, roster.common.geometry.slot_table());
    io = co_await Transfer(device, std::move(io));
    if (io->error != 0) co_return TableCopy();
    co_return decode_slot_table(io->in.bytes(), roster.common, disk);
}

TableReader::TableReader(World& world, const Roster& roster, const QuorumRule& rule)
    : world_(world), roster_(roster), rule_(rule), copies_(roster.disks()), fan_(world) {}

Task<bool> TableReader::read(Instant deadline, Duration patience) {
    ++reading_;
    begun_ = world_.clock.now();
    done_ = DiskSet();
    copies_.assign(roster_.disks(), TableCopy());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (roster_.members[disk] != nullptr) fan_.start(read_copy(disk, reading_));
    }
    const std::function<bool()> enough = [this] {
        return rule_.suffices(Purposes{.read = true, .write = true}, done_);
    };
    const bool read = co_await fan_.gather(enough, deadline, patience);
    ++reading_;
    complete_ = world_.clock.now();
    co_return read;
}

std::vector<SlotView> TableReader::views() const {
    std::vector<SlotView> views;
    for (std::uint32_t slot = 0; slot < roster_.common.geometry.slots; ++slot) {
        views.push_back(view(slot));
    }
    return views;
}

Task<void> TableReader::read_copy(std::size_t disk, std::uint64_t reading) {
    TableCopy copy = co_await fetch_table(roster_, disk);
    if (reading != reading_ || !copy.read) co_return;
    copies_[disk] = std::move(copy);
    done_.insert(disk);
}

}  // namespace diskpaxos
