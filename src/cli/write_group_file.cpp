#include "cli/write_group_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/errno_text.hpp"
#include "cli/invocation.hpp"
#include "node/group_file.hpp"

namespace diskpaxos::cli {

namespace fs = std::filesystem;

namespace {

// Whole, and without the dots that mean nothing.
std::string lasting_name(const Candidate& disk) {
    if (is_active(disk)) return disk.path;
    fs::path path;
    for (const fs::path& part : fs::absolute(disk.path)) {
        if (part != ".") path /= part;
    }
    return path.string();
}

// Also of two that do not exist yet.
bool same_file(const std::string& a, const std::string& b) {
    std::error_code ignored;
    if (fs::equivalent(a, b, ignored)) return true;
    return fs::weakly_canonical(fs::absolute(a, ignored), ignored) ==
           fs::weakly_canonical(fs::absolute(b, ignored), ignored);
}

Error failed(const std::string& path, int error) {
    const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
    return {forbidden ? Code::permission : Code::io,
            fmt::format("the group file {} cannot be written: {}; no group was made", path,
                        errno_text(error))};
}

bool write_fully(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno != EINTR) return false;
        text.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

std::vector<std::string> lasting_names(const std::vector<Candidate>& disks) {
    std::vector<std::string> names;
    for (const Candidate& disk : disks) names.push_back(lasting_name(disk));
    return names;
}

Result<void> refuse_group_file(const std::string& path, const std::vector<std::string>& disks,
                               bool overwrite) {
    const fs::path folder = folder_of(path);
    struct stat status {};
    const bool there = stat(path.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
        return usage(fmt::format("--conf {}: that is {}, and no file; nothing was written", path,
                                 S_ISDIR(status.st_mode) ? "a folder" : "something else"));
    }
    for (const std::string& disk : disks) {
        if (node::is_url(disk) || !same_file(disk, path)) continue;
        return usage(fmt::format("--conf {}: that is one of the disks; nothing was written", path));
    }
    if (there && !overwrite) {
        return std::unexpected(Error{
            Code::no, fmt::format("the group file {} exists; --force overwrites it, and all that is "
                                  "on the disks as well",
                                  path)});
    }
    if (!there && !fs::path(path).has_filename()) {
        return usage(fmt::format("--conf {}: that names a folder; nothing was written", path));
    }
    if (stat(folder.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) errno = ENOTDIR;
    else if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    return std::unexpected(failed(path, errno));
}

GroupFile::~GroupFile() {
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> GroupFile::prepare(const std::string& path, const Superblock& group,
                                const std::vector<Candidate>& candidates) {
    const std::vector<std::string> disks = lasting_names(candidates);
    const std::string text = node::group_file_text(group.name, group.group, disks);
    const std::string temporary = fmt::format("{}.{}.new", path, getpid());
    const mode_t mode = std::ranges::any_of(disks, node::holds_secret) ? 0600 : 0666;
    unlink(temporary.c_str());  // of a process that had our number, and is dead
    const io::Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.number() < 0) return std::unexpected(failed(path, errno));
    path_ = path;
    temporary_ = temporary;
    if (write_fully(file.number(), text) && fsync(file.number()) == 0) return {};
    return std::unexpected(failed(path, errno));
}

Result<void> GroupFile::publish() {
    if (temporary_.empty()) return {};
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
        return std::unexpected(
            Error{Code::io, fmt::format("the group was made, but the group file {} cannot be "
                                        "written: {}",
                                        path_, errno_text(errno))});
    }
    temporary_.clear();
    return {};
}

}  // namespace diskpaxos::cli
