#include "node/locks.hpp"

#include "node/doubts.hpp"

namespace diskpaxos::node {

bool FileLocks::try_lock(Disk& disk, std::uint32_t slot) {
    const auto found = files_.find(&disk);
    if (found == files_.end()) return false;  // its lock file could not be made
    io::OpenDisk& file = *found->second;
    const io::LockAnswer answer = slot == claim_lock ? file.lock_host() : file.lock_slot(slot);
    if (answer == io::LockAnswer::refused) without_locks_ = &disk;
    const bool taken = answer == io::LockAnswer::taken;
    if (taken && slot != claim_lock && !disk.active() && in_doubt(file, slot)) {
        file.unlock_slot(slot);
        return false;
    }
    return taken;
}

void FileLocks::unlock(Disk& disk, std::uint32_t slot) {
    const auto found = files_.find(&disk);
    if (found == files_.end()) return;
    io::OpenDisk& file = *found->second;
    slot == claim_lock ? file.unlock_host() : file.unlock_slot(slot);
}

void FileLocks::doubt(Disk& disk, std::uint32_t slot, Duration time) {
    const auto found = files_.find(&disk);
    if (found != files_.end() && !disk.active()) note_doubt(*found->second, slot, time);
}

}  // namespace diskpaxos::node
