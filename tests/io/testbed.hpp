// What the tests of src/io share: scratch files, a loop with disks on them, and requests whose
// answers can be looked at afterwards.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "async/scope.hpp"
#include "async/task.hpp"
#include "disk/disk.hpp"
#include "io/backend.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::io {

// A directory of its own, removed with everything in it.
class ScratchDirectory {
  public:
    ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    ~ScratchDirectory();

    const std::filesystem::path& path() const { return path_; }
    std::string file(const std::string& name, std::size_t bytes);  // written, full of zeroes

  private:
    std::filesystem::path path_;
};

struct Answer {
    Event came;
    int error = -1;
    bool wrote = false;
    std::uint64_t nanoseconds = 0;
    Bytes in;
    bool waited_in_vain = false;
};

// One request, and what came of it. Its `out` is filled with `fill`.
Task<void> carry(Disk& disk, Io::Kind kind, Extent to, Extent from, std::byte fill, Answer& answer);

// The same, but its waiter gives up at the deadline. The request itself goes on.
Task<void> carry_until(Loop& loop, Disk& disk, Io::Kind kind, Extent to, Extent from,
                       std::byte fill, Instant deadline, Answer& answer);

// A loop with disks on the paths given. The order of members is the order of death.
struct Rig {
    explicit Rig(Backend backend);
    Disk& add(const std::string& path, std::uint32_t block_size = 512);

    std::unique_ptr<Loop> loop;
    std::vector<std::unique_ptr<OpenDisk>> opened;
    std::vector<std::unique_ptr<Disk>> disks;
    std::unique_ptr<Scope> scope;

    void start(Disk& disk, Io::Kind kind, Extent to, Extent from, std::byte fill, Answer& answer) {
        scope->spawn(carry(disk, kind, to, from, fill, answer));
    }
    void read(Disk& disk, Extent from, Answer& answer);                 // and waits for it
    void write(Disk& disk, Extent to, std::byte fill, Answer& answer);  // and waits for it
    void visit(Disk& disk, Extent to, Extent from, std::byte fill, Answer& answer);
};

std::vector<Backend> backends();  // those that this machine lets us use
std::string parameter_name(const testing::TestParamInfo<Backend>& info);

// Tests of what both backends must do alike.
class EachBackend : public testing::TestWithParam<Backend> {
  protected:
    ScratchDirectory scratch;
};

}  // namespace diskpaxos::io
