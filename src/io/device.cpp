#include "io/device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

namespace diskpaxos::io {

namespace {

// A line of the block device's queue directory; a partition has that of its whole disk.
std::string queue_attribute(dev_t device, const char* name) {
    for (const char* up : {"", "../"}) {
        std::ifstream file(
            fmt::format("/sys/dev/block/{}:{}/{}queue/{}", major(device), minor(device), up, name));
        std::string line;
        if (std::getline(file, line)) return line;
    }
    return {};
}

void learn_cache(dev_t device, DiskFacts& facts) {
    const std::string cache = queue_attribute(device, "write_cache");
    if (cache == "write back") facts.write_cache = WriteCache::write_back;
    if (cache == "write through") facts.write_cache = WriteCache::write_through;
    const std::string fua = queue_attribute(device, "fua");
    if (!fua.empty()) facts.fua = fua != "0";
}

// A whole loop device is the file behind it; a window into that file is a disk of its own.
DiskIdentity identity_of_device(int fd, dev_t device) {
    loop_info64 info{};
    const bool whole_file = ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode != 0 &&
                            info.lo_offset == 0 && info.lo_sizelimit == 0;
    if (whole_file) return {false, info.lo_device, info.lo_inode};
    return {true, device, 0};
}

int learn_block_device(int fd, const struct stat& status, DiskFacts& facts) {
    int logical = 0;
    unsigned physical = 0;
    if (ioctl(fd, BLKGETSIZE64, &facts.bytes) != 0) return errno;
    if (ioctl(fd, BLKSSZGET, &logical) != 0) return errno;
    if (ioctl(fd, BLKPBSZGET, &physical) != 0) return errno;
    facts.block_device = true;
    facts.logical_block_size = static_cast<std::uint32_t>(logical);
    facts.physical_block_size = physical;
    facts.identity = identity_of_device(fd, status.st_rdev);
    learn_cache(status.st_rdev, facts);
    return 0;
}

std::uint32_t queue_number(dev_t device, const char* name) {
    const std::string text = queue_attribute(device, name);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() ? number : 0;
}

// What a block of direct I/O has at least: as the file system tells, or else the device below it.
std::uint32_t direct_block_size(int fd, dev_t device) {
    constexpr std::uint32_t least = 512;
    struct statx direct{};
    const bool told = statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &direct) == 0 &&
                      (direct.stx_mask & STATX_DIOALIGN) != 0;
    if (told) return std::max(least, direct.stx_dio_offset_align);  // 0: no direct I/O at all
    return std::max(least, queue_number(device, "logical_block_size"));
}

bool on_overlay(int fd) {
    struct statfs system{};
    return fstatfs(fd, &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC;
}

void learn_file(int fd, const struct stat& status, DiskFacts& facts) {
    facts.bytes = static_cast<std::uint64_t>(status.st_size);
    facts.physical_block_size = queue_number(status.st_dev, "physical_block_size");
    facts.identity = {false, status.st_dev, status.st_ino};
    facts.logical_block_size = direct_block_size(fd, status.st_dev);
    facts.overlay = on_overlay(fd);
    learn_cache(status.st_dev, facts);
}

}  // namespace

std::expected<DiskFacts, int> learn_facts(int fd) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return std::unexpected(errno);
    DiskFacts facts;
    if (S_ISBLK(status.st_mode)) {
        const int error = learn_block_device(fd, status, facts);
        if (error != 0) return std::unexpected(error);
        return facts;
    }
    if (!S_ISREG(status.st_mode)) return std::unexpected(ENOTBLK);
    learn_file(fd, status, facts);
    return facts;
}

DiskFacts learn_facts_in(const std::string& folder) {
    DiskFacts facts;
    // Of a file without a name, where the file system has such; otherwise of the folder itself.
    int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const Descriptor file(fd);
    struct stat status{};
    if (fd < 0 || fstat(fd, &status) != 0) return facts;
    facts.logical_block_size = direct_block_size(fd, status.st_dev);
    facts.overlay = on_overlay(fd);
    return facts;
}

}  // namespace diskpaxos::io
