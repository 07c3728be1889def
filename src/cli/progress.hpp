// A progress bar on stderr: bytes, rate, time left. Nothing where stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace diskpaxos::cli {

class Progress {
  public:
    Progress(std::uint64_t total, bool wanted);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();  // leaves a clean line behind

    void show(std::uint64_t done);

  private:
    using Time = std::chrono::steady_clock;

    std::uint64_t total_;
    bool visible_;
    bool drawn_ = false;
    Time::time_point start_ = Time::now();
    Time::time_point last_{};
};

}  // namespace diskpaxos::cli
