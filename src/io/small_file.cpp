#include "io/small_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/open_disk.hpp"

namespace diskpaxos::io {

namespace {

std::unexpected<Error> unreadable(const std::string& path, const std::string& what, int error) {
    const Code code = error == EACCES || error == EPERM ? Code::permission
                      : error == EIO                    ? Code::io
                                                        : Code::usage;
    return std::unexpected(
        Error{code, fmt::format("{} {} cannot be read: {}", what, path, std::strerror(error))});
}

}  // namespace

Result<SmallFile> read_small_file(const std::string& path, const std::string& what) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return unreadable(path, what, errno);
    const Descriptor file(fd);
    struct stat facts{};
    if (fstat(fd, &facts) != 0) return unreadable(path, what, errno);
    if (S_ISDIR(facts.st_mode)) return unreadable(path, what, EISDIR);
    if (!S_ISREG(facts.st_mode)) {
        return std::unexpected(Error{
            Code::usage, fmt::format("{} {} cannot be read: it is no ordinary file", what, path)});
    }
    SmallFile read{.text = {}, .mode = facts.st_mode};
    char piece[4096];
    for (;;) {
        const ssize_t count = ::read(fd, piece, sizeof piece);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return unreadable(path, what, errno);
        if (count == 0) return read;
        read.text.append(piece, static_cast<std::size_t>(count));
        if (read.text.size() > most_small_file_bytes) return unreadable(path, what, EFBIG);
    }
}

}  // namespace diskpaxos::io
