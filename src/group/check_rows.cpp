// Reading the rows of all disks, a bunch of cells at a time.
#include <algorithm>
#include <cerrno>

#include "base/errno_text.hpp"
#include "group/check.hpp"

namespace diskpaxos {

namespace {
constexpr std::uint64_t chunk_bytes = 1U << 20;
}  // namespace

Rows::Rows(World& world, const Roster& roster)
    : world_(world),
      roster_(roster),
      images_(roster.disks()),
      errors_(roster.disks()),
      row_errors_(roster.disks()),
      scope_(world.queue) {}

std::uint32_t Rows::cells_at_once() const {
    const Geometry& widest = roster_.shapes[roster_.passive().empty()];
    const std::uint64_t row = std::uint64_t{widest.row_blocks()} * widest.block_size;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, chunk_bytes / row));
}

Task<void> Rows::read(std::uint32_t first_cell, std::uint32_t count) {
    first_cell_ = first_cell;
    count_ = count;
    awaited_ = 0;
    answered_.reset();
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (errors_[disk] == ETIMEDOUT) continue;  // it hangs: no second request behind the first
        images_[disk].reset();
        row_errors_[disk].assign(count, 0);
        errors_[disk] = ETIMEDOUT;
        ++awaited_;
        scope_.spawn(read_disk(disk));
    }
    if (awaited_ == 0) co_return;
    co_await answered_.wait_until(world_.clock, world_.clock.now() + hung_after);
}

Task<void> Rows::read_disk(std::size_t disk) {
    Disk* device = roster_.members[disk];
    const std::uint32_t asked = first_cell_;
    const std::uint32_t count = count_;
    std::vector<int> row_errors(count, ENODEV);
    int error = ENODEV;
    IoPtr io;
    if (device != nullptr) {
        const Geometry& geometry = roster_.geometry(disk);
        const Extent rows{geometry.row(asked).first, std::uint64_t{count} * geometry.row_blocks()};
        io = device->prepare(Io::Kind::read, Extent{}, rows);
        io = co_await Transfer(*device, std::move(io));
        error = io->error;
        row_errors.assign(count, error);
        // One sector that cannot be read, or one register that is not for us, costs its own row.
        if (error != 0 && count > 1) {
            auto one_by_one = read_rows(*device, geometry, asked, *io, row_errors);
            co_await one_by_one;
        }
    }
    if (asked != first_cell_) co_return;  // nobody waits for these cells any more
    errors_[disk] = error;
    row_errors_[disk] = std::move(row_errors);
    if (device != nullptr) images_[disk] = std::move(io);
    if (--awaited_ == 0) answered_.set();
}

// Into `whole`, whose rows are asked for again, each for itself.
Task<void> Rows::read_rows(Disk& device, const Geometry& geometry, std::uint32_t first, Io& whole,
                           std::vector<int>& errors) {
    const std::size_t row = std::size_t{geometry.row_blocks()} * geometry.block_size;
    for (std::uint32_t i = 0; i < errors.size(); ++i) {
        IoPtr io = device.prepare(Io::Kind::read, Extent{}, geometry.row(first + i));
        io = co_await Transfer(device, std::move(io));
        if (first != first_cell_) co_return;
        errors[i] = io->error;
        if (io->error != 0) continue;
        std::ranges::copy(io->in.bytes(), whole.in.bytes().subspan(i * row, row).begin());
    }
}

int Rows::error(std::size_t disk, std::uint32_t cell) const {
    const std::vector<int>& rows = row_errors_[disk];
    const int told = rows.empty() ? ENODEV : rows[cell - first_cell_];
    return errors_[disk] == ETIMEDOUT ? ETIMEDOUT : told;
}

bool Rows::forbidden(std::size_t disk, std::uint32_t cell) const {
    return roster_.common.is_active(disk) && not_shown(error(disk, cell));
}

std::vector<Decoded> Rows::copies(std::uint32_t cell, std::uint32_t place) const {
    std::vector<Decoded> copies(roster_.disks());
    for (std::size_t disk = 0; disk < roster_.disks(); ++disk) {
        if (error(disk, cell) != 0) continue;
        const Geometry& geometry = roster_.geometry(disk);
        const std::uint32_t here = geometry.active ? 0 : place;
        copies[disk] = decode_block(block(disk, cell, geometry.doors() + here),
                                    roster_.row(disk, cell).block(here));
    }
    return copies;
}

ByteView Rows::block(std::size_t disk, std::uint32_t cell, std::uint32_t offset) const {
    const Geometry& geometry = roster_.geometry(disk);
    const std::size_t size = geometry.block_size;
    const std::size_t row = std::size_t{cell - first_cell_} * geometry.row_blocks();
    return ByteView(images_[disk]->in.bytes()).subspan((row + offset) * size, size);
}

}  // namespace diskpaxos
