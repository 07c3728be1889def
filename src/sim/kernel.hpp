// Kernel: what the kernel of one simulated host knows about locks, until it reboots.
//
// The OFD rule (group/seat.hpp): a lock stays taken, after its process was killed, until the last
// of the writes that it had submitted to that disk has landed. What had failed before the process
// ended keeps no lock: that is what doubts are for (docs/protocol.md, doubt-D1).
//
// One thing is kinder than a kernel: a write without an answer when its process is killed, which
// fails later and lands later still, keeps the lock until it has landed. No kernel does that, and no
// process is left to note the doubt (docs/protocol.md, "What is assumed").
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include "group/seat.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

class Kernel {
  public:
    bool try_lock(const SimPath& path, std::uint32_t slot) {
        const SimPath*& holder = locks_[{path.platter().number(), slot}];
        const auto doubt = doubts_.find({path.platter().number(), slot});
        if (doubt != doubts_.end() && path.now() < doubt->second) return false;
        const bool gone = holder != nullptr && holder->released();
        if (holder == nullptr || gone) holder = &path;
        return holder == &path;
    }
    void unlock(const SimPath& path, std::uint32_t slot) {
        const auto lock = locks_.find({path.platter().number(), slot});
        if (lock != locks_.end() && lock->second == &path) locks_.erase(lock);
    }
    void doubt(const SimPath& path, std::uint32_t slot, Duration time) {
        Instant& until = doubts_[{path.platter().number(), slot}];
        until = std::max(until, path.now() + time);
    }
    void reboot() {  // writes that are on their way stay on their way
        locks_.clear();
        doubts_.clear();  // everything of an earlier boot is waited out
    }

  private:
    std::map<std::pair<std::size_t, std::uint32_t>, Instant> doubts_;
    std::map<std::pair<std::size_t, std::uint32_t>, const SimPath*> locks_;
};

class KernelLocks final : public SlotLocks {  // one process's view of it
  public:
    explicit KernelLocks(Kernel& kernel) : kernel_(kernel) {}
    bool try_lock(Disk& disk, std::uint32_t slot) override {
        return kernel_.try_lock(static_cast<SimPath&>(disk), slot);
    }
    void unlock(Disk& disk, std::uint32_t slot) override {
        kernel_.unlock(static_cast<SimPath&>(disk), slot);
    }
    void doubt(Disk& disk, std::uint32_t slot, Duration time) override {
        kernel_.doubt(static_cast<SimPath&>(disk), slot, time);
    }

  private:
    Kernel& kernel_;
};

}  // namespace diskpaxos::sim
