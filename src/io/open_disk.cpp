#include "io/open_disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/errno_text.hpp"
#include "io/device.hpp"

namespace diskpaxos::io {

namespace {

// Lock bytes lie far beyond any byte of data, so that no other program's lock meets them.
constexpr std::int64_t slot_locks = std::int64_t{1} << 40;
constexpr std::int64_t host_lock = slot_locks + (std::int64_t{1} << 20);

std::unexpected<Error> refusal(Code code, std::string sentence) {
    return std::unexpected(Error{code, std::move(sentence)});
}

std::unexpected<Error> refusal_of(int error, const std::string& path) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ENXIO:
        case ENODEV:
        case ENOMEDIUM:
            return refusal(Code::io, fmt::format("{}: there is no such disk or file", path));
        case EACCES:
            return refusal(Code::permission,
                           fmt::format("{}: permission denied; a member of the disk's group or "
                                       "root may open it",
                                       path));
        case EPERM:  // a right would not help: root is refused as well
            return refusal(Code::permission,
                           fmt::format("{}: not permitted to anybody: it is immutable (lsattr), or a "
                                       "device that this container may not use",
                                       path));
        case EROFS:
            return refusal(Code::permission, fmt::format("{}: the disk is read-only", path));
        case EBUSY:
        case ETXTBSY:
            return refusal(Code::in_use,
                           fmt::format("{}: the disk is mounted or in use by the system", path));
        case EISDIR:
        case ENOTBLK:
        case ELOOP:
            return refusal(Code::usage,
                           fmt::format("{}: neither a block device nor a regular file", path));
        default:
            return refusal(Code::io, fmt::format("{}: {}", path, errno_text(error)));
    }
}

// Opening a pipe would wait for its other end, and opening a tape or a terminal can do things.
int look_first(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    return S_ISBLK(status.st_mode) || S_ISREG(status.st_mode) ? 0 : ENOTBLK;
}

int flags_of(const std::string& path, Access access) {
    int flags = O_CLOEXEC | (access == Access::read ? O_RDONLY : O_RDWR);
    struct stat status{};
    const bool device = stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
    if (device && access == Access::overwrite) flags |= O_EXCL;  // defined for devices only
    return flags;
}

bool read_only_device(int fd) {
    int read_only = 0;
    return ioctl(fd, BLKROGET, &read_only) == 0 && read_only != 0;
}

// Kernels disagree about which errno a write-protected device deserves.
int reason_of(int error, const std::string& path) {
    if (error != EACCES && error != EPERM) return error;
    const Descriptor looking(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return looking.number() >= 0 && read_only_device(looking.number()) ? EROFS : error;
}

int lock(int fd, int command, std::int64_t byte, short type, short* found = nullptr,
         std::int64_t bytes = 1) {
    struct flock range{};  // OFD locks demand l_pid == 0
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = byte;
    range.l_len = bytes;
    const int error = fcntl(fd, command, &range) == 0 ? 0 : errno;
    if (found != nullptr) *found = range.l_type;
    return error;
}

LockAnswer try_lock(int fd, std::int64_t byte) {
    const int error = lock(fd, F_OFD_SETLK, byte, F_WRLCK);
    if (error == 0) return LockAnswer::taken;
    return error == EAGAIN || error == EACCES ? LockAnswer::busy : LockAnswer::refused;
}

}  // namespace

Descriptor::~Descriptor() {
    if (number_ >= 0) close(number_);
}

Result<std::unique_ptr<OpenDisk>> OpenDisk::open(const std::string& path, Access access,
                                                 std::uint64_t at_least) {
    if (const int error = look_first(path); error != 0) return refusal_of(error, path);
    const int flags = flags_of(path, access);
    bool direct = true;
    int fd = ::open(path.c_str(), flags | O_DIRECT);
    if (fd < 0 && errno == EINVAL) {
        direct = false;
        fd = ::open(path.c_str(), flags);
    }
    if (fd < 0) return refusal_of(reason_of(errno, path), path);
    auto descriptor = std::make_shared<const Descriptor>(fd);

    auto facts = learn_facts(fd);
    if (!facts) return refusal_of(facts.error(), path);
    facts->direct = direct;
    facts->writable = access != Access::read;
    if (facts->writable && facts->block_device && read_only_device(fd)) {
        return refusal_of(EROFS, path);
    }
    if (facts->bytes < at_least) {
        return refusal(Code::bad_data, fmt::format("{}: too small: {} bytes, {} are needed", path,
                                                   facts->bytes, at_least));
    }
    return std::unique_ptr<OpenDisk>(new OpenDisk(path, std::move(descriptor), *facts));
}

int OpenDisk::why_not_writable() const {
    if (faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) != 0) return errno;
    return facts_.block_device && read_only_device(descriptor_->number()) ? EROFS : 0;
}

LockAnswer OpenDisk::lock_slot(std::uint32_t slot) {
    return try_lock(descriptor_->number(), slot_locks + slot);
}

void OpenDisk::unlock_slot(std::uint32_t slot) {
    lock(descriptor_->number(), F_OFD_SETLK, slot_locks + slot, F_UNLCK);
}

bool OpenDisk::slot_locked_elsewhere(std::uint32_t slot) const {
    short found = F_UNLCK;
    const int error = lock(descriptor_->number(), F_OFD_GETLK, slot_locks + slot, F_WRLCK, &found);
    return error == 0 && found != F_UNLCK;
}

bool OpenDisk::locked_elsewhere() const {
    short found = F_UNLCK;
    const std::int64_t all = host_lock + 1 - slot_locks;
    const int error = lock(descriptor_->number(), F_OFD_GETLK, slot_locks, F_WRLCK, &found, all);
    return error == 0 && found != F_UNLCK;
}

LockAnswer OpenDisk::lock_host() {
    return try_lock(descriptor_->number(), host_lock);
}

void OpenDisk::unlock_host() {
    lock(descriptor_->number(), F_OFD_SETLK, host_lock, F_UNLCK);
}

}  // namespace diskpaxos::io
