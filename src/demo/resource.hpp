// Resource: what the lock is for. It knows nothing of disks, leases or clocks: it remembers the
// largest token that it has seen, and refuses whoever comes with a smaller one (algorithms.md 9.3).
// Here it is a file with one line "token,pid" per write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace diskpaxos::demo {

class Resource {
  public:
    explicit Resource(const std::string& path);
    Resource(const Resource&) = delete;
    Resource& operator=(const Resource&) = delete;
    ~Resource();

    struct Answer {
        bool accepted = false;
        std::uint64_t largest = 0;  // that it had seen before
    };
    Answer write(std::uint64_t token, int pid);

    struct Line {
        std::uint64_t token = 0;
        int pid = 0;
    };
    static std::vector<Line> lines(const std::string& path);

  private:
    std::uint64_t largest() const;
    int file_;
};

}  // namespace diskpaxos::demo
