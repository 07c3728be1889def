// The slot locks of the real world: OFD locks on the very descriptor that carries the slot's I/O;
// of an active disk, on the file of this host that stands for it.
#pragma once

#include <map>

#include "group/seat.hpp"
#include "io/open_disk.hpp"

namespace diskpaxos::node {

class FileLocks final : public SlotLocks {
  public:
    void add(Disk& disk, io::OpenDisk& file) { files_[&disk] = &file; }
    void forget(const Disk& disk) { files_.erase(&disk); }  // none of its locks is held

    bool has(const Disk& disk) const { return files_.contains(&disk); }

    bool try_lock(Disk& disk, std::uint32_t slot) override;
    void unlock(Disk& disk, std::uint32_t slot) override;
    void doubt(Disk& disk, std::uint32_t slot, Duration time) override;

    // A disk whose file system has no locks at all; null: none was met. No slot can be borrowed
    // there.
    const Disk* without_locks() const { return without_locks_; }

  private:
    std::map<const Disk*, io::OpenDisk*> files_;
    const Disk* without_locks_ = nullptr;
};

}  // namespace diskpaxos::node
