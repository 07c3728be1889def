#include "cli/write_group_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

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

Result<void> write_group_file(const std::string& path, const Superblock& group,
                              const std::vector<Candidate>& candidates) {
    const std::vector<std::string> disks = lasting_names(candidates);
    const std::string text = node::group_file_text(group.name, group.group, disks);
    const std::string temporary = path + ".new";
    const bool secret = std::ranges::any_of(disks, node::holds_secret);
    bool written = false;
    unlink(temporary.c_str());
    {
        const io::Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                         secret ? 0600 : 0666));
        written =
            file.number() >= 0 && write_fully(file.number(), text) && fsync(file.number()) == 0;
    }
    std::error_code error;
    if (written) fs::rename(temporary, path, error);
    if (written && !error) return {};
    unlink(temporary.c_str());
    return std::unexpected(
        Error{Code::io,
              fmt::format("the group was made, but the group file {} cannot be written", path)});
}

}  // namespace diskpaxos::cli
