#include "node/locks.hpp"

namespace diskpaxos::node {

bool FileLocks::try_lock(Disk& disk, std::uint32_t slot) {
    io::OpenDisk& file = *files_.at(&disk);
    const io::LockAnswer answer = slot == claim_lock ? file.lock_host() : file.lock_slot(slot);
    if (answer == io::LockAnswer::refused) without_locks_ = &disk;
    return answer == io::LockAnswer::taken;
}

void FileLocks::unlock(Disk& disk, std::uint32_t slot) {
    io::OpenDisk& file = *files_.at(&disk);
    slot == claim_lock ? file.unlock_host() : file.unlock_slot(slot);
}

}  // namespace diskpaxos::node
