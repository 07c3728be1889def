#include "quorum/tally.hpp"

namespace diskpaxos {

Decision Tally::decision() const {
    if (rule_->suffices(needs_, counted_)) return Decision::won;
    DiskSet possible = DiskSet::first(rule_->disks());
    for (std::size_t disk = 0; disk < rule_->disks(); ++disk) {
        if (refused_.contains(disk) || failed_.contains(disk)) possible.erase(disk);
    }
    return rule_->suffices(needs_, possible) ? Decision::pending : Decision::lost;
}

}  // namespace diskpaxos
