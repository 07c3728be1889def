// The disks that `format` is to make a group of: what they are now, what is on them, and the files
// that do not exist yet. Examining writes nothing.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/existing.hpp"
#include "diskpaxos/error.hpp"
#include "io/open_disk.hpp"
#include "node/real_world.hpp"

namespace diskpaxos::cli {

struct Candidate {
    std::string path;  // or URL
    bool missing = false;              // a regular file, to be created
    std::uint32_t logical_block_size = 512;
    std::uint32_t sector = 512;  // what a drive writes in one piece, where it is one; else as above
    bool overlay = false;        // it lies on overlayfs
    std::unique_ptr<io::OpenDisk> file;  // read-only; null: missing, or active
    node::ActiveDisk active;             // named by a URL
    std::vector<std::string> content;    // what would be lost
    Membership before;                   // of which group it is now, or was
};

inline bool is_active(const Candidate& disk) {
    return node::is_url(disk.path);
}

Result<std::vector<Candidate>> examine(const std::vector<std::string>& names, node::RealWorld& real,
                                       Duration time_out);

std::filesystem::path folder_of(const std::string& path);

// How much there is; of a file that does not exist, as much as there may be.
std::uint64_t room_on(const Candidate& candidate);
// The files that are missing: they cannot be created there; or there is no room for all of them.
Result<void> refuse_closed_folder(const std::string& path);
Result<void> refuse_full(const std::vector<Candidate>& disks, std::uint64_t bytes_each);
Result<void> refuse_small(const Candidate& candidate, std::uint64_t bytes_needed);

// Whether that path still leads to it.
bool leads_to(const std::string& path, const io::OpenDisk& disk);

// Whether a process of this host works on it.
bool used_here(const Candidate& candidate, node::RealWorld& real);

// The files that this call created: they vanish again unless the format was finished.
class CreatedFiles {
  public:
    CreatedFiles() = default;
    CreatedFiles(const CreatedFiles&) = delete;
    CreatedFiles& operator=(const CreatedFiles&) = delete;
    ~CreatedFiles();

    Result<void> create(const std::string& path, std::uint64_t bytes);
    Result<void> keep();  // makes their names durable
    // It stays: somebody else has made something of it.
    void leave(const std::string& path) { std::erase(paths_, path); }
    void leave_all() { paths_.clear(); }

  private:
    std::vector<std::string> paths_;
};

}  // namespace diskpaxos::cli
