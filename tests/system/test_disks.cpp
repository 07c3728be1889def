#include "test_disks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/check.hpp"
#include "io/os_random.hpp"

namespace diskpaxos {

namespace {

constexpr int attempts = 50;  // another program may take the free device that we were told of

constexpr std::size_t page = 4096;

// Past the page cache, as those do whose disk it is: a page that meets their direct writes makes
// the kernel report EIO to the next fsync of anybody.
void overwrite(const std::string& path, std::uint64_t offset, const std::string& bytes) {
    CHECK(offset % page == 0 && bytes.size() % page == 0);
    const std::unique_ptr<void, decltype(&std::free)> aligned(
        std::aligned_alloc(page, bytes.size()), &std::free);
    std::memcpy(aligned.get(), bytes.data(), bytes.size());
    const int fd = open(path.c_str(), O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(pwrite(fd, aligned.get(), bytes.size(), static_cast<off_t>(offset)) ==
          static_cast<ssize_t>(bytes.size()));
    close(fd);
}

}  // namespace

LoopDevice::LoopDevice(const std::string& file, unsigned sector_size) {
    const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) {
        problem_ = fmt::format("no loop devices here: /dev/loop-control: {}", std::strerror(errno));
        return;
    }
    const int backing = open(file.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    CHECK(backing >= 0);
    for (int i = 0; i < attempts && !attach(control, backing, sector_size); ++i) usleep(20'000);
    close(backing);
    close(control);
    if (fd_ < 0 && problem_.empty()) problem_ = "no free loop device";
}

bool LoopDevice::attach(int control, int file, unsigned sector_size) {
    problem_.clear();
    const int number = ioctl(control, LOOP_CTL_GET_FREE);
    path_ = fmt::format("/dev/loop{}", number);
    if (number >= 0 && access(path_.c_str(), F_OK) != 0) {  // a /dev that nobody tends
        mknod(path_.c_str(), S_IFBLK | 0600, makedev(7, static_cast<unsigned>(number)));
    }
    const int fd = number < 0 ? -1 : open(path_.c_str(), O_RDWR | O_CLOEXEC);
    loop_config config{};
    config.fd = static_cast<unsigned>(file);
    config.block_size = sector_size;
    // Autoclear: the kernel detaches it when the last one closes it, even if a test was killed.
    config.info.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR;
    if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
        fd_ = fd;
        return true;
    }
    problem_ = fmt::format("no loop devices here: {}: {}", path_, std::strerror(errno));
    if (fd >= 0) close(fd);
    return false;
}

LoopDevice::~LoopDevice() {
    if (fd_ >= 0) close(fd_);
}

const char* name_of(DiskKind kind) {
    switch (kind) {
        case DiskKind::file:
            return "file";
        case DiskKind::loop512:
            return "loop512";
        case DiskKind::loop4096:
            return "loop4096";
    }
    UNREACHABLE();
}

TestDisks::TestDisks(DiskKind kind, Geometry geometry) : geometry_(geometry) {
    geometry_.block_size = kind == DiskKind::loop4096 ? 4096 : 512;
    for (const char* name : {"a.img", "b.img", "c.img"}) {
        const std::string file = scratch_.file(name, geometry_.bytes());
        if (kind == DiskKind::file) {
            paths_.push_back(file);
            continue;
        }
        loops_.push_back(std::make_unique<LoopDevice>(file, geometry_.block_size));
        paths_.push_back(loops_.back()->path());
        if (problem_.empty()) problem_ = loops_.back()->problem();
    }
}

void TestDisks::zero(unsigned disk, std::uint64_t offset, std::uint64_t bytes) const {
    overwrite(paths_[disk], offset, std::string(bytes, '\0'));
}

void TestDisks::scramble(unsigned disk, std::uint64_t offset, std::uint64_t bytes) const {
    io::OsRandom random;
    std::string noise(bytes, '\0');
    for (char& c : noise) c = static_cast<char>(random.below(256));
    overwrite(paths_[disk], offset, noise);
}

}  // namespace diskpaxos
