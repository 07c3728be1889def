#include "sim/link.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace diskpaxos::sim {

SimLink::SimLink(SimWorld& world, SimAgent& agent, const Faults& faults, Watch& watch,
                 const Cable* cable)
    : SimPath(world, agent.platter(), faults, watch, cable), agent_(agent) {
    agent.connect(*this);
}

void SimLink::submit(Io& io) {
    if (io.kind == Io::Kind::read) ++looks_;
    if (io.kind == Io::Kind::watch) drop_abandoned_watches();
    const std::uint64_t number = ++sent_;
    waiting_[number] = &io;
    if (gone() || world_.now() < broken_until_) {
        return world_.at(later(), [this, number] { fail(number); });
    }
    const bool plain = io.kind == Io::Kind::write;
    const bool changes = plain || io.kind == Io::Kind::step;
    const ByteView out = std::as_const(io.out).bytes();
    const auto letter = std::make_shared<Letter>(
        Letter{io.kind, number, changes ? io.to : io.from, Bytes(out.begin(), out.end()), io.rank});
    if (plain && faults_.drain > Duration(0)) letter->expires = world_.now() + faults_.drain;
    const bool table = plain && io.to.count == 1 && in_slot_table(io.to.first);
    if (table && happens(faults_.ghost)) return post_ghost(letter);
    // It is told of an error; what it asked for may be done all the same, before or after.
    const bool error = happens(changes ? faults_.write_error : faults_.read_error);
    const bool lost = happens(error ? 333 : faults_.lost);
    if (error) world_.at(later(), [this, number] { fail(number); });
    if (!lost) send(letter, later());
    // Two plain writes are two: a connection brings each once, and nobody asks again by himself.
    if (!lost && !plain && happens(faults_.repeated)) send(letter, later());
    if (lost && !error) world_.at(later() + faults_.longest_hang, [this] { cut(); });
    if (happens(faults_.cut)) world_.at(later(), [this] { cut(); });
}

// It is executed when nobody reckons with it any more: after an error, or in a long silence.
void SimLink::post_ghost(const LetterPtr& letter) {
    const bool error = world_.chance(500);
    if (error) world_.at(later(), [this, number = letter->number] { fail(number); });
    send(letter, later() + world_.between(Duration(0), faults_.longest_ghost));
}

// Nobody takes a watch back; one that nobody waits for is not kept for ever.
void SimLink::drop_abandoned_watches() {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        Io& io = *at->second;
        const bool drop = io.kind == Io::Kind::watch && abandoned(io);
        at = drop ? waiting_.erase(at) : std::next(at);
        if (drop) finish(io, ECANCELED);
    }
}

void SimLink::send(const LetterPtr& letter, Instant when) {
    world_.at(when, [this, letter] { arrive(letter); });
}

void SimLink::arrive(const LetterPtr& letter) {
    world_.digest(letter->blocks.first);
    if (gone()) {  // it vanishes, or the network holds it until the disk is back, but once only
        fail(letter->number);
        const bool held_before = std::exchange(letter->missed, true);
        if (!faults_.on || held_before || world_.chance(500)) return;
        if (back() + faults_.slowest > letter->expires) return;
        return send(letter, back() + world_.between(Duration(0), faults_.slowest));
    }
    if (world_.now() < agent_.stopped_until) {  // it lies there until the agent goes on
        if (agent_.stopped_until + faults_.slowest > letter->expires) return fail(letter->number);
        return send(letter, agent_.stopped_until + world_.between(Duration(0), faults_.slowest));
    }
    if (std::exchange(letter->executed, true)) watch_.came_across(*this, Mark::step_repeated);
    execute(letter);
}

void SimLink::execute(const LetterPtr& letter) {
    const auto answer = [this, number = letter->number](const Stepped& stepped, ByteView content) {
        const Bytes copy(content.begin(), content.end());
        world_.at(later(), [this, number, stepped, copy] { deliver(number, stepped, copy); });
    };
    const std::uint64_t block = letter->blocks.first;
    const bool late = !waiting_.contains(letter->number);
    switch (letter->kind) {
        case Io::Kind::step:
            if (late) watch_.came_across(*this, Mark::step_late);
            return agent_.step(*this, block, letter->content, letter->rank, answer);
        case Io::Kind::write: return agent_.write(*this, block, letter->content, late, answer);
        case Io::Kind::watch: return agent_.watch(block, letter->rank, answer);
        default: return agent_.read(letter->blocks, answer);
    }
}

void SimLink::deliver(std::uint64_t number, const Stepped& stepped, const Bytes& content) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;  // it has been given up, or told before
    if (gone()) return fail(number);
    Io& io = *found->second;
    waiting_.erase(found);
    io.verdict = stepped.verdict;
    io.limit = stepped.limit;
    io.wrote = io.kind == Io::Kind::write;
    if (io.wrote) return finish(io, 0);
    std::ranges::copy(content, io.in.bytes().begin());
    const bool stale = io.kind != Io::Kind::step && treacherous(faults_.stale);
    if (stale) std::ranges::copy(platter_.previous(io.from.first), io.in.bytes().begin());
    if (happens(faults_.garbage)) {
        io.in.bytes()[world_.random().below(content.size())] ^= std::byte{0x40};
    }
    finish(io, 0);
}

void SimLink::fail(std::uint64_t number) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    Io& io = *found->second;
    waiting_.erase(found);
    finish(io, EIO);
}

void SimLink::cut() {
    if (waiting_.empty()) return;
    watch_.came_across(*this, Mark::connection_cut);
    broken_until_ = world_.now() + world_.between(Duration(0), faults_.slowest * 4);
    for (const auto& [number, io] : std::exchange(waiting_, {})) finish(*io, ECONNRESET);
}

}  // namespace diskpaxos::sim
