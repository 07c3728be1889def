#include "bench/yardstick/bare.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "disk/superblock.hpp"

namespace diskpaxos::yardstick {

namespace {

struct Layout {               // of one disk, in bytes
    std::uint64_t first = 0;  // the row of the first stream
    std::int64_t stride = 0;
    unsigned block = 0;
    unsigned row = 0;
};

int open_disk(const std::string& path) {
    int fd = open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (fd < 0 && errno == EINVAL) fd = open(path.c_str(), O_RDWR | O_CLOEXEC);  // has no O_DIRECT
    if (fd < 0) fail(Error{Code::usage, fmt::format("{}: {}", path, std::strerror(errno))});
    return fd;
}

// Backwards from the last cell of the group: names are everywhere, but what stands there stays as
// it is.
Layout layout_of_group(int fd, const std::string& path, const Wish& wish) {
    const std::unique_ptr<std::byte[], void (*)(void*)> area(
        static_cast<std::byte*>(std::aligned_alloc(superblock_area, superblock_area)), std::free);
    const bool got = pread(fd, area.get(), superblock_area, 0) == superblock_area;
    const auto group = decode_superblock(ByteView(area.get(), got ? superblock_area : 0), 0);
    if (!group || group->geometry.active) {
        fail(Error{Code::usage, fmt::format("{} is no passive disk of a group", path)});
    }
    const Geometry& geometry = group->geometry;
    if (wish.processes * wish.concurrency > geometry.cells) {
        fail(Error{Code::usage, fmt::format("the group has {} cells, too few", geometry.cells)});
    }
    const Extent last = geometry.row(geometry.cells - 1);
    const std::uint64_t bytes = last.count * std::uint64_t{geometry.block_size};
    const std::uint64_t read = geometry.reach(0, 0).count * geometry.block_size;
    return {last.first * geometry.block_size, -static_cast<std::int64_t>(bytes),
            geometry.block_size, static_cast<unsigned>(read)};
}

Layout layout_of_file(std::uint64_t first, const Wish& wish) {
    const unsigned block = wish.geometry.block_size;
    const auto row = static_cast<unsigned>(wish.geometry.reach(0, 0).count * block);
    return {first, static_cast<std::int64_t>(wish.row > 0 ? wish.row : row), block, row};
}

BareDisk placed(int fd, const Layout& layout, const Wish& wish, unsigned process) {
    BareDisk disk{fd, {}};
    for (unsigned i = 0; i < wish.concurrency; ++i) {
        const std::int64_t stream = std::int64_t{process} * wish.concurrency + i;
        disk.rows.push_back(layout.first + static_cast<std::uint64_t>(stream * layout.stride));
    }
    return disk;
}

}  // namespace

void bare(const Wish& wish) {
    Performance done = perform(wish, Load::steady, {"bare"}, [&](Meter& meter) {
        std::vector<BareDisk> disks;
        Layout layout;
        for (std::string path : wish.disks) {
            std::uint64_t first = 0;
            if (const auto at = path.rfind('@'); at != std::string::npos) {
                first = std::strtoull(path.c_str() + at + 1, nullptr, 10);
                path.resize(at);
            }
            const int fd = open_disk(path);
            layout = wish.group ? layout_of_group(fd, path, wish) : layout_of_file(first, wish);
            disks.push_back(placed(fd, layout, wish, meter.me()));
        }
        const unsigned row = wish.row > 0 ? wish.row : layout.row;
        BareLoop loop(std::move(disks), wish.concurrency, layout.block, row);
        meter.ready();
        loop.run(meter);
    });
    done.outcome.print();
}

}  // namespace diskpaxos::yardstick
