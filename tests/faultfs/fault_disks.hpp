// FaultDisks: disks for a test that can be told to hang, err, tear, lose and land late. It starts
// diskpaxos-faultfs on temporary files, and at its end lets everything go, unmounts and stops it.
//
//   FaultDisks disks(3, 1 << 20);
//   if (!disks.ready()) GTEST_SKIP() << disks.problem();
//   disks.tell(0, "hang w");
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace diskpaxos {

class FaultDisks {
  public:
    struct Totals {
        std::uint64_t reads = 0;
        std::uint64_t writes = 0;
        std::uint64_t held = 0;
    };

    FaultDisks(unsigned count, std::size_t bytes);
    FaultDisks(const FaultDisks&) = delete;
    FaultDisks& operator=(const FaultDisks&) = delete;
    ~FaultDisks();

    bool ready() const { return problem_.empty(); }
    const std::string& problem() const { return problem_; }  // why there are no such disks here

    // Path number `by` to a disk, 0 to 3: as another host would see it.
    std::string path(unsigned disk, unsigned by = 0) const;
    const std::string& backing(unsigned disk) const { return backing_[disk]; }

    // What really stands on the disk.
    std::string content(unsigned disk, std::uint64_t offset, std::size_t size) const;

    // Commands of control.hpp; a refused one is a bug of the test, and aborts it.
    void tell(unsigned disk, std::string_view command) const;
    void tell_path(unsigned disk, unsigned by, std::string_view command) const;
    Totals totals(unsigned disk) const;
    void wait_until_held(unsigned disk, unsigned count) const;  // aborts after ten seconds

  private:
    void make_files(unsigned count, std::size_t bytes);
    void start();
    void wait_until_served();
    std::string ask(const std::string& line) const;  // empty if nobody answers

    std::filesystem::path directory_;
    std::vector<std::string> backing_;
    std::string problem_;
    pid_t daemon_ = -1;
};

}  // namespace diskpaxos
