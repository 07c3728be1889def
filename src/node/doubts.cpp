#include "node/doubts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>

#include "io/loop.hpp"
#include "node/lock_file.hpp"

namespace diskpaxos::node {

namespace {

constexpr std::size_t most_bytes = 128;

// By the disk itself: names differ between processes, and before a group is assembled no more is
// known of it. Where a number is given to another disk, that one's slot is left alone for a while.
std::string path_of(const io::OpenDisk& disk, std::uint32_t slot) {
    const io::DiskIdentity& identity = disk.facts().identity;
    return fmt::format("{}/diskpaxos-{:x}-{:x}-slot-{}.doubt", lock_folder(), identity.major_minor,
                       identity.inode, slot);
}

std::int64_t now_ns() { return io::boot_time().time_since_epoch().count(); }

// The kernel's own, whatever DISKPAXOS_BOOT_ID says: it is the kernel that still has the write.
std::string this_boot() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
}

// Without O_CREAT where it is there: in a folder with the sticky bit that is refused on a file of
// another user.
int open_to_write(const std::string& path) {
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (made >= 0) fchmod(made, 0666);
    if (made >= 0 || errno != EEXIST) return made;
    return ::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

}  // namespace

void note_doubt(const io::OpenDisk& disk, std::uint32_t slot, Duration time) {
    const io::Descriptor file(open_to_write(path_of(disk, slot)));
    if (file.number() < 0) return;
    const std::int64_t now = now_ns();
    const std::int64_t length = std::chrono::nanoseconds(time).count();
    std::string text = fmt::format("{} {} {}\n", this_boot(), now, now + length);
    text.resize(most_bytes, '\n');  // as long as any before: one write, nothing of an old one is left
    (void)!pwrite(file.number(), text.data(), text.size(), 0);
}

bool in_doubt(const io::OpenDisk& disk, std::uint32_t slot) {
    const std::string path = path_of(disk, slot);
    const io::Descriptor file(
        ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.number() < 0) return false;
    std::array<char, most_bytes> bytes{};
    const ssize_t got = pread(file.number(), bytes.data(), bytes.size(), 0);
    std::istringstream words(std::string(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0));
    std::string boot;
    std::int64_t begun = 0, until = 0;
    const bool whole = static_cast<bool>(words >> boot >> begun >> until);
    const std::int64_t now = now_ns();
    if (whole && boot == this_boot() && begun <= now && now < until) return true;
    ::unlink(path.c_str());
    return false;
}

}  // namespace diskpaxos::node
