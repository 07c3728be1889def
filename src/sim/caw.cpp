#include "sim/caw.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/mutant.hpp"
#include "disk/step.hpp"

namespace diskpaxos::sim {

void SimCaw::submit(Io& io) {
    const bool plain = io.kind == Io::Kind::write || (io.kind == Io::Kind::read && io.from.count > 1);
    if (plain) return SimDisk::submit(io);
    io.scratch[0] = 0;  // rounds
    if (io.kind == Io::Kind::read) ++looks_;
    const bool step = io.kind == Io::Kind::step;
    read(io, step ? io.to.first : io.from.first);
}

void SimCaw::read(Io& io, std::uint64_t block) {
    if (gone() || happens(faults_.read_error)) {
        return world_.at(later(), [this, &io] { finish(io, EIO); });
    }
    world_.at(later(), [this, &io, block] {
        if (gone()) return finish(io, EIO);
        copy_block(io.in.bytes(), block);
        world_.at(later(), [this, &io] { arrived(io); });
    });
}

void SimCaw::arrived(Io& io) {
    if (io.kind != Io::Kind::step || orphaned()) return finish(io, 0);
    Bytes next(io.in.bytes().begin(), io.in.bytes().end());
    const Stepped stepped = step(std::as_const(io.in).bytes(), std::as_const(io.out).bytes(), io.rank, next);
    io.verdict = stepped.verdict;
    if (!stepped.changed) return finish(io, 0);
    compare_and_write(io, std::move(next));
}

void SimCaw::compare_and_write(Io& io, Bytes next) {
    const ByteView old = std::as_const(io.in).bytes();
    const auto command = std::make_shared<Command>(
        Command{io.to.first, Bytes(old.begin(), old.end()), std::move(next)});
    const bool error = gone() || happens(faults_.write_error);
    const bool lost = gone() || happens(error ? 333 : faults_.lost);
    const bool late = error && happens(500);  // executed only after its error has been told
    const Instant first = later();
    const Instant second = std::max(first, later());
    const Duration hang = world_.between(Duration(0), faults_.longest_hang);
    const bool failed = error || lost;
    if (!lost) send(command, late ? second + hang : first);
    if (!lost && happens(faults_.repeated)) send(command, late ? second + hang : second);
    world_.at(second, [this, &io, command, failed] { conclude(io, command, failed); });
}

void SimCaw::send(const CommandPtr& command, Instant when) {
    world_.at(when, [this, command] { execute(command); });
}

void SimCaw::execute(const CommandPtr& command) {
    world_.digest(command->block);
    if (gone()) {
        const bool held_before = std::exchange(command->missed, true);
        if (!faults_.on || held_before || world_.chance(500)) return;
        return send(command, back() + world_.between(Duration(0), faults_.slowest));
    }
    if (command->fate != Fate::unknown) watch_.came_across(*this, Mark::step_repeated);
    const bool same = std::ranges::equal(platter_.block(command->block), command->old);
    command->fate = same ? Fate::written : Fate::miscompared;
    if (!same) return watch_.came_across(*this, Mark::miscompared);
    if (command->told) watch_.came_across(*this, Mark::step_late);
    const std::uint32_t cell = platter_.cell_of(command->block);
    const BlockAddress address = platter_.row(cell).block(0);
    watch_.executed(*this, cell, decode_block(command->next, address).block);
    SimPath::land(command->block, command->next, command->told ? Landing::late : Landing::sound);
}

void SimCaw::conclude(Io& io, const CommandPtr& command, bool error) {
    command->told = true;
    if (error || command->missed || gone() || command->fate == Fate::unknown) {
        return finish(io, EIO);
    }
    if (command->fate == Fate::written) return finish(io, 0);
    if (mutated(Mutant::caw_retried_blindly)) {
        SimPath::land(command->block, command->next, Landing::sound);
        return finish(io, 0);
    }
    if (orphaned() || ++io.scratch[0] == most_rounds) return finish(io, EAGAIN);
    read(io, command->block);
}

}  // namespace diskpaxos::sim
