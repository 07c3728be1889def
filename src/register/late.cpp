// Disks that were absent when the register was made (docs/protocol.md, "A disk that was absent").
#include "base/mutant.hpp"
#include "register/register.hpp"

namespace diskpaxos {

// What it holds of ours was written by one who had our slot before us, or by nobody. It need not be read
// first: phase 0 has met every quorum that this disk is part of, and what it found is in our block (7.1).
// A register that has not recovered yet asks this disk along with the others.
void Register::admit(std::size_t disk, std::unique_ptr<Visit> visit) {
    CHECK(visit->judges() == disks_[disk]->judges());
    std::swap(disks_[disk], visit);
    absent_.push_back(std::move(visit));  // who has asked it may not have its answer yet
    failing_.erase(disk);
    if (doing_ == Doing::nothing) return;
    if (mutated(Mutant::late_disk_counted)) {
        tally_.count(disk);
    } else {
        late_.insert(disk);
        tally_.fail(disk);
    }
    if (tally_.decision() != Decision::pending) decided_.set();
}

}  // namespace diskpaxos
