// Phase 0 of mixed groups (algorithms.md 7.1; docs/decisions.md).
//
// A step of our predecessor may still be on its way to an active disk, and nothing drains it. Where
// it lands after we have looked, it may make a value stand on a quorum of which our own block on a
// passive disk is a part; so that block must not be written over by one who does not know of it.
// Hence an active disk counts in phase 0 only when it has promised us a rank above all of our
// predecessor's: what comes later is refused there, and what came before we have seen.
#include "base/mutant.hpp"
#include "register/register.hpp"

namespace diskpaxos {

namespace {
constexpr Purposes for_all{.read = true, .write = true, .recover = true};
}  // namespace

bool Register::settled() const {
    return !mixed_ || rule_.suffices(for_all, settled_);
}

// What stood there is carried in our own block: it may be missing where that has stood.
void Register::settle(std::size_t disk, Rank accepted, ByteView value) {
    if (settled()) return;
    if (accepted > own_.accepted && !mutated(Mutant::register_not_carried)) {
        own_.accepted = accepted;
        own_.value.assign(value.begin(), value.end());
    }
    settled_.insert(disk);
    if (!settled() || doing_ != Doing::phase) return;
    for (std::size_t other = 0; other < disks_.size(); ++other) {
        const bool held = !disks_[other]->judges() && !tally_.failed().contains(other);
        if (held) scope_.spawn(attend_visit(other, phase_));
    }
}

// A passive disk that phase 0 did without.
Task<void> Register::attend_settling(std::size_t disk, std::uint64_t phase) {
    if (late_.contains(disk)) co_return;
    Sight sight = co_await disks_[disk]->look(nobody);
    if (phase != phase_ || doing_ != Doing::phase || decided_.is_set() || settled()) co_return;
    const Block& own = sight.row.own.block;
    if (!failed(disk, sight)) {
        const bool ours = disks_[disk]->open() && own.accepted < rank_;
        ours ? settle(disk, own.accepted, own.value) : tally_.fail(disk);
    }
    if (tally_.decision() != Decision::pending) decided_.set();
}

}  // namespace diskpaxos
