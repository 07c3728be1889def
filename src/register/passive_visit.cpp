#include "register/passive_visit.hpp"

#include <algorithm>

#include "base/mutant.hpp"

namespace diskpaxos {

namespace {

Failure io_failure(int error) { return {Failure::Kind::io, error, Damage::none}; }
Failure damage(Damage what) { return {Failure::Kind::damaged, 0, what}; }
Failure plain(Failure::Kind kind) { return {kind, 0, Damage::none}; }

}  // namespace

Task<Sight> PassiveVisit::visit(const Own& own) {
    if (own_ == no_place) co_return Sight(plain(Failure::Kind::closed));
    if (!mutated(Mutant::no_lane)) {
        const bool my_turn = co_await lane_.enter();
        if (!my_turn) co_return Sight(plain(Failure::Kind::superseded));
    }
    // No suspension between here and the submission: what is encoded is what is checked.
    IoPtr io = disk_.prepare(Io::Kind::visit, own_block(), row());
    Block mine = own.block();
    encode_block(io->out.bytes(), address_.block(own_), mine);
    mine.value = {};
    if (mutated(Mutant::read_not_gated)) {
        auto ungated = read_then_write(std::move(io));
        io = co_await ungated;
    } else {
        io = co_await Transfer(disk_, std::move(io));
    }
    if (!mutated(Mutant::no_lane)) lane_.leave();
    if (io->error != 0) co_return Sight(io_failure(io->error));

    auto reading = read_row(std::move(io), own_);
    Sight sight = co_await reading;
    if (sight.seen()) sight.failure = check_own(sight.row, mine);
    co_return sight;
}

Task<IoPtr> PassiveVisit::read_then_write(IoPtr io) {  // a mutant's way
    IoPtr early = disk_.prepare(Io::Kind::read, Extent{}, row());
    early = co_await Transfer(disk_, std::move(early));
    io = co_await Transfer(disk_, std::move(io));
    std::ranges::copy(early->in.bytes(), io->in.bytes().begin());
    std::ranges::copy(io->out.bytes(), io->in.bytes().subspan(own_ * io->out.size()).begin());
    co_return io;
}

Task<Sight> PassiveVisit::look(Place aside) {
    IoPtr io = disk_.prepare(Io::Kind::read, Extent{}, row());
    io = co_await Transfer(disk_, std::move(io));
    if (io->error != 0) co_return Sight(io_failure(io->error));
    auto reading = read_row(std::move(io), aside);
    co_return co_await reading;
}

// Judges the row in `io`; a bad checksum is read again a few times, since a block of several
// sectors may be seen in the middle of its write.
Task<Sight> PassiveVisit::read_row(IoPtr io, Place aside) {
    Sight sight;
    sight.row = summarise(io->in.bytes(), address_, own_, aside);
    for (unsigned again = 0; again < rereads_ && sight.row.damage == Damage::checksum; ++again) {
        io = disk_.prepare(Io::Kind::read, Extent{}, row());
        io = co_await Transfer(disk_, std::move(io));
        if (io->error != 0) co_return Sight(io_failure(io->error));
        sight.row = summarise(io->in.bytes(), address_, own_, aside);
    }
    sight.keep = std::move(io);
    if (!sight.row.whole()) sight.failure = damage(sight.row.damage);
    co_return sight;
}

// Our own block, read back with the row, must be the one we wrote (algorithms.md 2.6 row 2k, 7.7).
Failure PassiveVisit::check_own(const RowSummary& row, const Block& written) const {
    if (row.own.state == BlockState::initial) return plain(Failure::Kind::rolled_back);
    if (row.own.block.incarnation != written.incarnation) return plain(Failure::Kind::intruder);
    if (row.own.block.seq != written.seq) return plain(Failure::Kind::rolled_back);
    return {};
}

}  // namespace diskpaxos
