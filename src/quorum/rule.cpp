#include "quorum/rule.hpp"

#include "base/check.hpp"

namespace diskpaxos {

bool Threshold::suffices(Purpose purpose, DiskSet disks) const {
    switch (purpose) {
        case Purpose::read: return disks.size() >= read_;
        case Purpose::write: return disks.size() >= write_;
        case Purpose::recover: return disks.size() >= recover_;
    }
    UNREACHABLE();
}

bool Threshold::intersects() const {
    return read_ + write_ > disks_ && recover_ + write_ > disks_ && recover_ + read_ > disks_;
}

}  // namespace diskpaxos
