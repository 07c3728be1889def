#include "register/passive_visit.hpp"

#include <algorithm>

#include "base/mutant.hpp"
#include "disk/superblock.hpp"

namespace diskpaxos {

namespace {

Failure io_failure(int error) { return {Failure::Kind::io, error, Damage::none}; }
Failure damage(Damage what) { return {Failure::Kind::damaged, 0, what}; }
Failure plain(Failure::Kind kind) { return {kind, 0, Damage::none}; }

}  // namespace

Task<Sight> PassiveVisit::visit(const Own& own) {
    if (!open()) co_return Sight(plain(Failure::Kind::closed));
    if (foreign()) co_return Sight(plain(Failure::Kind::foreign));
    if (!mutated(Mutant::no_lane)) {
        const bool my_turn = co_await lane_.enter();
        if (!my_turn) co_return Sight(plain(Failure::Kind::superseded));
        if (shut() || foreign()) {
            lane_.leave();
            co_return Sight(plain(shut() ? Failure::Kind::quarantined : Failure::Kind::foreign));
        }
    }
    if (!inside_ && !mutated(Mutant::door_opened_late)) {
        auto opening = open_door();
        const int error = co_await opening;
        if (error != 0) {
            if (!mutated(Mutant::no_lane)) lane_.leave();
            co_return Sight(io_failure(error));
        }
    }
    if (foreign()) {  // seen by another visit while the door was being opened
        if (!mutated(Mutant::no_lane)) lane_.leave();
        co_return Sight(plain(Failure::Kind::foreign));
    }
    wrote_ = true;
    IoPtr early;
    if (mutated(Mutant::read_not_gated)) {
        early = disk_.prepare(Io::Kind::read, Extent{}, row());
        early = co_await Transfer(disk_, std::move(early));
    }
    // No suspension between here and the submission: what is encoded is what is checked.
    IoPtr io = disk_.prepare(Io::Kind::visit, own_block(), row());
    Block mine = own.block();
    encode_block(io->out.bytes(), address_.block(own_), mine);
    mine.value = {};
    const Proposer before = own.before;
    io = co_await Transfer(disk_, std::move(io));
    if (!inside_ && mutated(Mutant::door_opened_late)) {
        auto opening = open_door();
        co_await opening;
    }
    const bool may_still_land = io->error != 0 && !io->wrote;
    if (may_still_land && !mutated(Mutant::lane_freed_by_timeout)) shut_after_failed_write();
    if (!mutated(Mutant::no_lane)) lane_.leave();
    if (io->error != 0) co_return Sight(io_failure(io->error));
    if (mutated(Mutant::read_not_gated)) {  // our own block apart, which would give it away
        const std::size_t at = (own_block().first - row().first) * io->out.size();
        std::ranges::copy(io->out.bytes(), early->in.bytes().subspan(at).begin());
        io = std::move(early);
    }

    auto reading = read_row(std::move(io), mine.incarnation);
    Sight sight = co_await reading;
    if (sight.seen()) sight.failure = check_own(sight.row, mine, before);
    if (foreign()) sight.failure = plain(Failure::Kind::foreign);
    co_return sight;
}

// In the lane of the visits, so that no visit of ours meets it: neither is under way beside the other.
Task<bool> PassiveVisit::mend(const OwnCopy& copy) {
    if (!open() || lane_.busy()) co_return false;
    const bool my_turn = co_await lane_.enter();
    if (!my_turn) co_return false;
    bool written = false;
    if (!shut() && !foreign() && (!wrote_ || mutated(Mutant::mended_after_visit))) {
        auto writing = write_copy(copy);
        written = co_await writing;
    }
    lane_.leave();
    co_return written;
}

Task<bool> PassiveVisit::write_copy(const OwnCopy& copy) {
    if (!inside_) {
        auto opening = open_door();
        const int error = co_await opening;
        if (error != 0) co_return false;
    }
    IoPtr io = disk_.prepare(Io::Kind::write, own_block(), Extent{});
    copy.encode(io->out.bytes(), address_.block(own_));
    io = co_await Transfer(disk_, std::move(io));
    if (io->error != 0) shut_after_failed_write();
    co_return io->error == 0;
}

// One at a time, as visits: those for whom a disk that hangs has no answer must not pile up there.
Task<Sight> PassiveVisit::look(Proposer aside) {
    if (foreign()) co_return Sight(plain(Failure::Kind::foreign));
    const bool my_turn = co_await looks_.enter();
    if (!my_turn) co_return Sight(plain(Failure::Kind::superseded));
    const bool before_us = !wrote_;
    IoPtr io = disk_.prepare(Io::Kind::read, Extent{}, row());
    io = co_await Transfer(disk_, std::move(io));
    looks_.leave();
    if (io->error != 0) co_return Sight(io_failure(io->error));
    auto reading = read_row(std::move(io), aside);
    Sight sight = co_await reading;
    if (before_us && sight.row.own.state == BlockState::valid) {
        predecessor_ = sight.row.own.block.incarnation;
    }
    co_return sight;
}

// Before our first write behind it: whoever reads it closed must not miss what stands there. It
// does not matter when a write of a door lands, nor how often.
Task<int> PassiveVisit::open_door() {
    const std::uint32_t tier = own_tier();
    IoPtr io = opening_of_door(disk_, geometry().door(address_.cell, tier), address_.door(tier));
    io = co_await Transfer(disk_, std::move(io));
    inside_ = io->error == 0;
    co_return io->error;
}

void PassiveVisit::note_doors(const RowSummary& row) {
    reach_ = std::max(reach_, reach_of(row, geometry()));
    const std::uint32_t tier = own_tier();
    if ((row.open >> tier & 1U) != 0) inside_ = true;
    if ((row.closed >> tier & 1U) != 0) inside_ = false;  // not yet open, or the disk has lost that
}

bool PassiveVisit::shut() const {
    return shut_ && (quarantine_.clock == nullptr || quarantine_.clock->now() < shut_until_);
}

void PassiveVisit::shut_after_failed_write() {
    shut_ = true;
    if (quarantine_.clock != nullptr) shut_until_ = quarantine_.clock->now() + quarantine_.time;
    if (fate_.failed) fate_.failed();
}

// Judges the row in `io`. It is read again, once, if there is more of it than was read; and a few
// times if a checksum is bad, since a block of several sectors may be seen in the middle of its
// write.
Task<Sight> PassiveVisit::read_row(IoPtr io, Proposer aside) {
    Sight sight;
    sight.row = summarise(io->in.bytes(), address_, own_, aside);
    note_doors(sight.row);
    unsigned again = 0;
    while (io->from.count < row().count ||
           (again < rereads_ && sight.row.damage == Damage::checksum)) {
        if (io->from.count == row().count) ++again;
        io = disk_.prepare(Io::Kind::read, Extent{}, row());
        io = co_await Transfer(disk_, std::move(io));
        if (io->error != 0) co_return Sight(io_failure(io->error));
        sight.row = summarise(io->in.bytes(), address_, own_, aside);
        note_doors(sight.row);
    }
    sight.keep = std::move(io);
    if (!sight.row.whole()) sight.failure = damage(sight.row.damage);
    if (sight.row.stranger) {
        co_await learn_fate();
        if (foreign()) sight.failure = plain(Failure::Kind::foreign);
    }
    co_return sight;
}

// A single block of another group is damage, as any: somebody who had the disk before us wrote it.
// If the superblock is another group's too, or says that ours was formatted over, we are that
// somebody, and what we write is damage to them (docs/protocol.md, "When a disk changes hands").
Task<void> PassiveVisit::learn_fate() {
    IoPtr io = disk_.prepare(
        Io::Kind::read, Extent{},
        Extent{geometry().superblock_first(), superblock_area / geometry().block_size});
    io = co_await Transfer(disk_, std::move(io));
    if (io->error != 0) co_return;
    const auto superblock = decode_superblock(io->in.bytes(), 0);
    const bool retired = !superblock && superblock.error() == Damage::retired;
    if (retired || (superblock && superblock->group != address_.group)) fate_.foreign = true;
}

bool PassiveVisit::foreign() const {
    return fate_.foreign && !mutated(Mutant::foreign_overwritten);
}

// Our own block, read back with the row, must be the one we wrote (algorithms.md 2.6 row 2k, 7.7).
// What stood there before our first write means that it was lost, not that somebody intrudes.
Failure PassiveVisit::check_own(const RowSummary& row, const Block& written,
                                Proposer before) const {
    const bool locked_in = (row.closed >> own_tier() & 1U) != 0 &&  // others would not see us here
                           !mutated(Mutant::door_opened_late);
    if (row.own.state == BlockState::initial || locked_in) return plain(Failure::Kind::rolled_back);
    const Proposer writer = row.own.block.incarnation;
    if (writer != written.incarnation) {
        const bool older = writer == predecessor_ || writer == before;
        return plain(older ? Failure::Kind::rolled_back : Failure::Kind::intruder);
    }
    if (row.own.block.seq != written.seq) return plain(Failure::Kind::rolled_back);
    return {};
}

}  // namespace diskpaxos
