#include "cli/new_disks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "cli/existing.hpp"
#include "cli/invocation.hpp"
#include "disk/geometry.hpp"
#include "io/device.hpp"

namespace diskpaxos::cli {

namespace fs = std::filesystem;

fs::path folder_of(const std::string& path) {
    const fs::path folder = fs::path(path).parent_path();
    return folder.empty() ? fs::path(".") : folder;
}

namespace {

bool exists(const std::string& path) {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0;
}

// A regular file in /dev would be a typing error that fills the memory.
Result<void> refuse_creating(const std::string& path) {
    std::error_code ignored;
    const fs::path folder = fs::weakly_canonical(folder_of(path), ignored);
    const bool in_dev = folder == "/dev" || folder.string().starts_with("/dev/");
    if (in_dev && !folder.string().starts_with("/dev/shm")) {
        return std::unexpected(Error{Code::io, fmt::format("{}: there is no such device", path)});
    }
    if (!fs::is_directory(folder, ignored)) {
        return std::unexpected(
            Error{Code::io, fmt::format("{}: there is no folder {}", path, folder.string())});
    }
    return {};
}

Error failed(const std::string& path, const char* what) {
    const int error = errno;
    const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
    return {forbidden ? Code::permission : Code::io,
            fmt::format("{} cannot be {}: {}", path, what, std::strerror(error))};
}

Result<Candidate> examine_active(const std::string& url, Result<node::ActiveDisk>& active,
                                 node::RealWorld& real) {
    if (!active) return std::unexpected(active.error());
    Candidate candidate;
    candidate.path = url;
    candidate.active = std::move(*active);
    candidate.logical_block_size = candidate.sector = candidate.active.disk->block_size();
    candidate.content = real.run(existing_content(*candidate.active.disk));
    candidate.before = real.run(membership(*candidate.active.disk));
    return candidate;
}

Result<Candidate> examine_one(const std::string& path) {
    Candidate candidate;
    candidate.path = path;
    if (!exists(path)) {
        if (auto fine = refuse_creating(path); !fine) return std::unexpected(fine.error());
        candidate.missing = true;
        const io::DiskFacts facts = io::learn_facts_in(folder_of(path));
        candidate.logical_block_size = candidate.sector = facts.logical_block_size;
        candidate.overlay = facts.overlay;
        return candidate;
    }
    auto file = io::OpenDisk::open(path, io::Access::read);
    if (!file) return std::unexpected(file.error());
    candidate.file = std::move(*file);
    const io::DiskFacts& facts = candidate.file->facts();
    candidate.logical_block_size = candidate.sector = facts.logical_block_size;
    if (facts.block_device) candidate.sector = facts.physical_block_size;
    candidate.overlay = facts.overlay;
    candidate.content = existing_content(*candidate.file);
    candidate.before = membership(*candidate.file);
    return candidate;
}

Task<bool> moment(Clock& clock) {
    co_await clock.sleep(std::chrono::milliseconds(20));
    co_return true;
}

bool same_candidate(const Candidate& a, const Candidate& b) {
    if (a.active.disk && b.active.disk) return a.active.identity == b.active.identity;
    if (a.file && b.file) return a.file->same_disk(*b.file);
    if (!a.missing || !b.missing) return false;
    std::error_code ignored;
    return fs::weakly_canonical(fs::absolute(a.path), ignored) ==
           fs::weakly_canonical(fs::absolute(b.path), ignored);
}

}  // namespace

Result<std::vector<Candidate>> examine(const std::vector<std::string>& names, node::RealWorld& real,
                                       Duration time_out) {
    std::vector<Candidate> candidates;
    auto active = real.open_urls(names, time_out, names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string& path = names[i];
        Result<Candidate> candidate =
            active[i] ? examine_active(path, *active[i], real) : examine_one(path);
        if (!candidate) return std::unexpected(candidate.error());
        for (const Candidate& other : candidates) {
            if (!same_candidate(*candidate, other)) continue;
            return usage(fmt::format("{} and {} are the same disk; name each disk once", other.path,
                                     path));
        }
        candidates.push_back(std::move(*candidate));
    }
    return candidates;
}

std::uint64_t room_on(const Candidate& candidate) {
    if (candidate.missing) return UINT64_MAX;
    const Disk* active = candidate.active.disk.get();
    return active != nullptr ? active->blocks() * active->block_size()
                             : candidate.file->facts().bytes;
}

Result<void> refuse_small(const Candidate& candidate, std::uint64_t bytes_needed) {
    const std::uint64_t bytes = room_on(candidate);
    if (bytes >= bytes_needed) return {};
    return std::unexpected(Error{
        Code::bad_data, fmt::format("{}: too small: {} bytes, {} are needed; take fewer --slots "
                                    "or --cells",
                                    candidate.path, bytes, bytes_needed)});
}

Result<void> refuse_closed_folder(const std::string& path) {
    const fs::path folder = folder_of(path);
    if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    return std::unexpected(failed(path, "created"));
}

Result<void> refuse_full(const std::vector<Candidate>& disks, std::uint64_t bytes_each) {
    std::map<dev_t, std::uint64_t> wanted;  // by file system
    for (const Candidate& disk : disks) {
        if (!disk.missing) continue;
        const fs::path folder = folder_of(disk.path);
        struct stat status {};
        struct statvfs room {};
        if (stat(folder.c_str(), &status) != 0 || statvfs(folder.c_str(), &room) != 0) continue;
        if (room.f_blocks == 0) continue;  // it does not tell
        const std::uint64_t bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
        const std::uint64_t all = wanted[status.st_dev] += bytes_each;
        if (all <= bytes) continue;
        return std::unexpected(Error{
            Code::io, fmt::format("{} cannot be created: {} bytes are free there, {} are needed; "
                                  "nothing was written",
                                  disk.path, bytes, all)});
    }
    return {};
}

bool leads_to(const std::string& path, const io::OpenDisk& disk) {
    struct stat there {}, ours {};
    return stat(path.c_str(), &there) == 0 && fstat(disk.descriptor()->number(), &ours) == 0 &&
           there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

bool used_here(const Candidate& candidate, node::RealWorld& real) {
    if (!candidate.file) return false;
    // The kernel lets go of a process's files a moment after its end (the OFD rule).
    const Instant until = real.world().clock.now() + std::chrono::seconds(1);
    bool locked = candidate.file->locked_elsewhere();
    while (locked && real.world().clock.now() < until) {
        real.run(moment(real.world().clock));
        locked = candidate.file->locked_elsewhere();
    }
    return locked;
}

CreatedFiles::~CreatedFiles() {
    for (const std::string& path : paths_) unlink(path.c_str());
}

Result<void> CreatedFiles::create(const std::string& path, std::uint64_t bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const io::Descriptor file(fd);
    if (fd < 0) return std::unexpected(failed(path, "created"));
    paths_.push_back(path);
    if (ftruncate(fd, static_cast<off_t>(bytes)) != 0 || fsync(fd) != 0) {
        return std::unexpected(failed(path, "created"));
    }
    return {};
}

Result<void> CreatedFiles::keep() {
    // They have superblocks by now: whatever comes, they stay.
    for (const std::string& path : std::exchange(paths_, {})) {
        const io::Descriptor folder(
            ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (folder.number() < 0 || fsync(folder.number()) != 0) {
            return std::unexpected(failed(path, "made durable"));
        }
    }
    return {};
}

}  // namespace diskpaxos::cli
