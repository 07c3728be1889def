// Watchdog: a Linux watchdog device. Unless it is petted in time it resets the machine, and with it
// a CMD that nobody can kill, before anyone else may hold the lock.
//
// What must always hold: it is disarmed by release() only; a process that dies leaves it armed.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "diskpaxos/error.hpp"
#include "supervise/watchdog_rule.hpp"

namespace diskpaxos {

class Watchdog {
  public:
    // Opening arms it. A device that cannot have exactly this timeout is disarmed again if it can
    // be, and refused. `reserve`: how long it may take from the end of the timeout to the reset.
    static Result<std::unique_ptr<Watchdog>> open(const std::string& path,
                                                  std::chrono::seconds timeout, Duration reserve);
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog();  // without release(): closed, and still armed

    const std::string& identity() const { return identity_; }  // the driver's own name
    std::chrono::seconds timeout() const { return timeout_; }
    const std::vector<std::string>& warnings() const { return warnings_; }

    // Pets it if the session lasts; false if it does not. To be called every pet_interval().
    Result<bool> pet_until(Instant now, Instant valid_until);

    // Disarms it and closes it. Only when nothing that it was armed for runs any more.
    Result<void> release();

  private:
    Watchdog(std::string path, int fd, std::chrono::seconds timeout, Duration reserve)
        : path_(std::move(path)), fd_(fd), timeout_(timeout), reserve_(reserve) {}
    Error failed(const char* what) const;
    Result<void> learn();
    Result<void> set_timeout();
    void disarm();

    std::string path_;
    int fd_;
    std::chrono::seconds timeout_;
    Duration reserve_;
    unsigned options_ = 0;  // WDIOF_…
    std::string identity_;
    std::vector<std::string> warnings_;
};

}  // namespace diskpaxos
