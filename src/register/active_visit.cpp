#include "register/active_visit.hpp"

#include "disk/step.hpp"

namespace diskpaxos {

namespace {

// EACCES is an answer, not silence: the disk's keeper knows us, and this register is not for us.
Sight failed(int error) {
    const bool denied = error == EACCES;
    return Sight(Failure{denied ? Failure::Kind::forbidden : Failure::Kind::io, error, Damage::none});
}

// What the disk has promised does not beat a phase that it has counted: some of it is our own.
Sight judged(IoPtr io, RowSummary row) {
    Sight sight;
    sight.row = row;
    if (io->verdict == StepVerdict::done) sight.row.promised = Rank();
    if (io->verdict == StepVerdict::conflict) sight.failure.kind = Failure::Kind::intruder;
    if (io->verdict == StepVerdict::damaged || !row.whole()) {
        const Damage damage = row.whole() ? Damage::checksum : row.damage;
        sight.failure = {Failure::Kind::damaged, 0, damage};
    }
    if (io->verdict == StepVerdict::above && row.whole()) {
        sight.failure.kind = Failure::Kind::above;
        sight.limit = io->limit;
    }
    // Steps never write over such a block: only `format` has put it there.
    if (row.stranger) sight.failure.kind = Failure::Kind::foreign;
    sight.keep = std::move(io);
    return sight;
}

}  // namespace

Task<Sight> ActiveVisit::visit(const Own& own) {
    if (!open()) co_return Sight(Failure{Failure::Kind::closed, 0, Damage::none});
    const bool my_turn = co_await lane_.enter();
    if (!my_turn) co_return Sight(Failure{Failure::Kind::superseded, 0, Damage::none});
    IoPtr io = disk_.prepare(Io::Kind::step, block(), block());
    io->rank = own.rank;
    Block asked{own.me, own.seq, own.promised, own.accepted, own.committed, own.value};
    if (own.accepted != own.rank) {  // a read: what we accepted before is there already, or is old
        asked.accepted = Rank();
        asked.value = {};
    }
    encode_block(io->out.bytes(), address_.block(0), asked);
    io = co_await Transfer(disk_, std::move(io));
    lane_.leave();
    if (io->error != 0) co_return failed(io->error);
    const RowSummary row = summarise(io->in.bytes(), address_, no_place, nobody);
    co_return judged(std::move(io), row);
}

// Without the lane: they are bounded by whoever sends them (register/climbing.cpp).
Task<Sight> ActiveVisit::promise(Proposer me, std::uint64_t seq, Rank rank) {
    if (!open()) co_return Sight(Failure{Failure::Kind::closed, 0, Damage::none});
    IoPtr io = disk_.prepare(Io::Kind::step, block(), block());
    io->rank = rank;
    encode_block(io->out.bytes(), address_.block(0),
                 {.incarnation = me, .seq = seq, .promised = rank, .accepted = {}, .committed = {}, .value = {}});
    io = co_await Transfer(disk_, std::move(io));
    if (io->error != 0) co_return failed(io->error);
    const RowSummary row = summarise(io->in.bytes(), address_, no_place, nobody);
    co_return judged(std::move(io), row);
}

Task<Sight> ActiveVisit::look(Proposer) { return read(Io::Kind::read, Rank()); }

Task<Sight> ActiveVisit::watch(Rank beyond) { return read(Io::Kind::watch, beyond); }

Task<Sight> ActiveVisit::read(Io::Kind kind, Rank rank) {
    IoPtr io = disk_.prepare(kind, Extent{}, block());
    io->rank = rank;
    io = co_await Transfer(disk_, std::move(io));
    if (io->error != 0) co_return failed(io->error);
    io->verdict = StepVerdict::refused;  // what it has promised stands in the sight
    const RowSummary row = summarise(io->in.bytes(), address_, no_place, nobody);
    co_return judged(std::move(io), row);
}

}  // namespace diskpaxos
