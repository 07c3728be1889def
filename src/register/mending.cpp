// Our own block on a disk that has lost it (docs/protocol.md, "Healing").
#include "register/register.hpp"

namespace diskpaxos {

// Where we have written in this cell, our block in memory is what every disk of ours is to have, and to
// write it once more outside a phase says nothing new (2.4, F1). Otherwise the other disks know.
Task<bool> Register::mend(std::size_t disk, const OwnCopy& copy) {
    if (!scope_.idle().is_set() || usurped_) co_return false;  // a visit is about to do it
    if (own_.seq == 0) {
        auto mending = disks_[disk]->mend(copy);
        co_return co_await mending;
    }
    if (!settled()) co_return false;
    auto visiting = disks_[disk]->visit(own_);
    Sight sight = co_await visiting;
    if (sight.failure.kind == Failure::Kind::intruder) {
        usurped_ = true;
        note(Step::Kind::intruder, disk, Rank());
        decided_.set();
    }
    const Decoded& there = sight.row.own;  // whatever is damaged of others' blocks
    co_return there.state == BlockState::valid && there.block.incarnation == own_.me;
}

}  // namespace diskpaxos
