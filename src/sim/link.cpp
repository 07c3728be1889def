#include "sim/link.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace diskpaxos::sim {

SimLink::SimLink(SimWorld& world, SimAgent& agent, const Faults& faults, Watch& watch)
    : SimPath(world, agent.platter(), faults, watch), agent_(agent) {
    agent.connect(*this);
}

void SimLink::submit(Io& io) {
    if (io.kind == Io::Kind::read) ++looks_;
    const std::uint64_t number = ++sent_;
    waiting_[number] = &io;
    if (gone() || world_.now() < broken_until_) {
        return world_.at(later(), [this, number] { fail(number); });
    }
    const bool step = io.kind == Io::Kind::step;
    const ByteView out = std::as_const(io.out).bytes();
    const auto letter = std::make_shared<Letter>(
        Letter{io.kind, number, step ? io.to.first : io.from.first, Bytes(out.begin(), out.end()),
               io.rank});
    // It is told of an error; what it asked for may be done all the same, before or after.
    const bool error = happens(step ? faults_.write_error : faults_.read_error);
    const bool lost = happens(error ? 333 : faults_.lost);
    if (error) world_.at(later(), [this, number] { fail(number); });
    if (!lost) send(letter, later());
    if (!lost && happens(faults_.repeated)) send(letter, later());
    if (lost && !error) world_.at(later() + faults_.longest_hang, [this] { cut(); });
    if (happens(faults_.cut)) world_.at(later(), [this] { cut(); });
}

void SimLink::send(const LetterPtr& letter, Instant when) {
    world_.at(when, [this, letter] { arrive(letter); });
}

void SimLink::arrive(const LetterPtr& letter) {
    world_.digest(letter->block);
    if (gone()) {  // it vanishes, or the network holds it until the disk is back, but once only
        fail(letter->number);
        const bool held_before = std::exchange(letter->missed, true);
        if (!faults_.on || held_before || world_.chance(500)) return;
        return send(letter, platter_.gone_until + world_.between(Duration(0), faults_.slowest));
    }
    if (std::exchange(letter->executed, true)) watch_.came_across(*this, Mark::step_repeated);
    const auto answer = [this, number = letter->number](const Stepped& stepped, ByteView content) {
        const Bytes copy(content.begin(), content.end());
        world_.at(later(), [this, number, stepped, copy] { deliver(number, stepped, copy); });
    };
    switch (letter->kind) {
        case Io::Kind::step:
            if (!waiting_.contains(letter->number)) watch_.came_across(*this, Mark::step_late);
            return agent_.step(*this, letter->block, letter->content, letter->rank, answer);
        case Io::Kind::watch: return agent_.watch(letter->block, letter->rank, answer);
        default: return agent_.read(letter->block, answer);
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
