// A progress bar on stderr: bytes, rate, time left. Nothing where stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace diskpaxos::cli {

// "100% 8.2 MiB of 8.2 MiB, 90.1 MiB/s, 0 s left". What was announced may be too little.
std::string progress_figures(std::uint64_t done, std::uint64_t total, double seconds);

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
