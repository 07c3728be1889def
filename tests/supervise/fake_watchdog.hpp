// FakeWatchdog: a file that behaves like a watchdog device, for one test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "async/timer.hpp"
#include "fakewatchdog.hpp"

namespace diskpaxos {

class FakeWatchdog {
  public:
    FakeWatchdog();
    FakeWatchdog(const FakeWatchdog&) = delete;
    FakeWatchdog& operator=(const FakeWatchdog&) = delete;
    ~FakeWatchdog();

    bool ready() const { return problem_.empty(); }
    const std::string& problem() const { return problem_; }
    std::string path() const { return directory_ / "mount/watchdog"; }
    fakewatchdog::Board& board() const { return *board_; }

    Instant due() const { return Instant(Duration(board_->due.load())); }
    bool fires_at(Instant time) const { return board_->armed && time > due(); }
    bool wait_until_closed(int times) const;  // the file system tells its server late

  private:
    std::filesystem::path directory_;
    std::string problem_;
    fakewatchdog::Board* board_ = nullptr;
    pid_t server_ = -1;
};

}  // namespace diskpaxos
