// TestDisks: three disks of one kind to make a group of: regular files, or loop devices with
// sectors of 512 or 4096 bytes. What was attached is detached by the kernel when the test ends,
// however it ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "disk/geometry.hpp"
#include "testbed.hpp"

namespace diskpaxos {

// A loop device over `file`, by direct I/O, for as long as this object lives.
class LoopDevice {
  public:
    LoopDevice(const std::string& file, unsigned sector_size);
    LoopDevice(const LoopDevice&) = delete;
    LoopDevice& operator=(const LoopDevice&) = delete;
    ~LoopDevice();

    const std::string& path() const { return path_; }
    const std::string& problem() const { return problem_; }  // why there is none here

  private:
    bool attach(int control, int file, unsigned sector_size);

    int fd_ = -1;
    std::string path_;
    std::string problem_;
};

enum class DiskKind : std::uint8_t { file, loop512, loop4096 };
const char* name_of(DiskKind kind);

class TestDisks {
  public:
    TestDisks(DiskKind kind, Geometry geometry);  // its block size becomes that of the kind

    const std::string& problem() const { return problem_; }
    const std::vector<std::string>& paths() const { return paths_; }
    const Geometry& geometry() const { return geometry_; }
    io::ScratchDirectory& scratch() { return scratch_; }

    // Damage, as by a foreign program: `bytes` of zeroes or of noise at `offset`, whole pages.
    void zero(unsigned disk, std::uint64_t offset, std::uint64_t bytes) const;
    void scramble(unsigned disk, std::uint64_t offset, std::uint64_t bytes) const;

  private:
    io::ScratchDirectory scratch_;
    Geometry geometry_;
    std::string problem_;
    std::vector<std::string> paths_;
    std::vector<std::unique_ptr<LoopDevice>> loops_;
};

}  // namespace diskpaxos
