// Kernel: what the kernel of one simulated host knows about locks, until it reboots.
//
// The OFD rule (group/seat.hpp): a lock stays taken, after its process was killed, until the last
// of the writes that it had submitted to that disk has landed.
#pragma once

#include <map>
#include <utility>

#include "group/seat.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

class Kernel {
  public:
    bool try_lock(const SimPath& path, std::uint32_t slot) {
        const SimPath*& holder = locks_[{path.platter().number(), slot}];
        const bool gone = holder != nullptr && holder->orphaned() && holder->drained();
        if (holder == nullptr || gone) holder = &path;
        return holder == &path;
    }
    void unlock(const SimPath& path, std::uint32_t slot) {
        const auto lock = locks_.find({path.platter().number(), slot});
        if (lock != locks_.end() && lock->second == &path) locks_.erase(lock);
    }
    void reboot() { locks_.clear(); }  // writes that are on their way stay on their way

  private:
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

  private:
    Kernel& kernel_;
};

}  // namespace diskpaxos::sim
