#include "node/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/errno_text.hpp"
#include "group/assemble.hpp"

namespace diskpaxos::node {

namespace {

constexpr off_t size = 4096;  // locks lie beyond it; it only has to be a disk of a kind

// One that is there is opened as it is: in a folder with the sticky bit, O_CREAT on a file of
// somebody else would be refused.
int make(const std::string& path) {
    const io::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (file.number() < 0) return errno == EEXIST ? 0 : errno;
    const bool made = fchmod(file.number(), 0666) == 0 && ftruncate(file.number(), size) == 0;
    return made ? 0 : errno;
}

}  // namespace

std::string lock_folder() {
    if (const char* chosen = std::getenv("DISKPAXOS_LOCKS"); chosen != nullptr) return chosen;
    std::error_code ignored;
    return std::filesystem::is_directory("/run/lock", ignored) ? "/run/lock" : "/tmp";
}

Result<std::unique_ptr<io::OpenDisk>> open_lock_file(const Uuid& disk) {
    const std::string path = fmt::format("{}/diskpaxos-{}.lock", lock_folder(), uuid_text(disk));
    if (const int error = make(path); error != 0) {
        if (is_own_fault(error)) {
            return std::unexpected(Error{
                Code::io, fmt::format("the lock file {} cannot be made: {}", path, errno_text(error))});
        }
        return std::unexpected(
            Error{error == EACCES ? Code::permission : Code::io,
                  fmt::format("the lock file {} cannot be made: {}; set DISKPAXOS_LOCKS to a folder "
                              "that all users of this host share",
                              path, errno_text(error))});
    }
    return io::OpenDisk::open(path, io::Access::write);
}

}  // namespace diskpaxos::node
