#include "sim/disk.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace diskpaxos::sim {

void SimDisk::submit(Io& io) {
    if (io.kind == Io::Kind::read) {
        ++looks_;
        begin_read(io);
    } else {
        begin_write(io);
    }
}

// ---- writes ----

void SimDisk::begin_write(Io& io) {
    if (io.to.count == 1 && in_slot_table(io.to.first) && !gone() && happens(faults_.ghost)) {
        return begin_ghost(io);
    }
    const bool error = gone() || happens(faults_.write_error);
    const bool lost = gone() || happens(error ? 333 : faults_.lost);
    const bool late = error && happens(500);  // lands only after its error has been told
    const Instant first = later();
    const Instant second = first + world_.between(Duration(0), faults_.slowest);
    const Instant answered = late ? first : second;
    const Instant lands = late ? second + world_.between(Duration(0), faults_.longest_hang) : first;

    const Letters letters = post(io, late);
    world_.at(answered,
              [this, &io, error, letters] { answer_write(io, error ? EIO : 0, letters); });
    if (lost) return;
    const Duration gap = (second - first) / static_cast<Duration::rep>(letters.size());
    for (std::size_t i = 0; i < letters.size(); ++i) {
        send(letters[i], lands + gap * static_cast<Duration::rep>(i));
    }
}

// It lands when nobody reckons with it any more: after an error, or in a long silence.
void SimDisk::begin_ghost(Io& io) {
    const bool error = world_.chance(500);
    const Instant lands = later() + world_.between(Duration(0), faults_.longest_ghost);
    const Instant answered = error ? later() : lands + faults_.quickest;
    const Letters letters = post(io, error);
    world_.at(answered,
              [this, &io, error, letters] { answer_write(io, error ? EIO : 0, letters); });
    send(letters.front(), lands);
}

SimDisk::Letters SimDisk::post(Io& io, bool late) {
    Letters letters;
    ++unanswered_;
    const ByteView out = std::as_const(io.out).bytes();
    for (std::uint64_t i = 0; i < io.to.count; ++i) {
        const std::uint64_t block = io.to.first + i;
        if (outstanding_.contains(block) && !platter_.is_door(block)) watch_.overlapped(*this, block);
        ++outstanding_[block];
        const ByteView part = out.subspan(i * block_size(), block_size());
        letters.push_back(
            std::make_shared<Letter>(Letter{block, Bytes(part.begin(), part.end()), late}));
        if (faults_.drain > Duration(0)) letters.back()->expires = world_.now() + faults_.drain;
    }
    return letters;
}

void SimDisk::send(const LetterPtr& letter, Instant when) {
    ++outstanding_[letter->block];
    world_.at(when, [this, letter] { land(letter); });
}

void SimDisk::land(const LetterPtr& letter) {
    world_.digest(letter->block);
    settle(letter->block);
    if (gone()) {  // it vanishes, or the cable holds it until the disk is back, but once only
        const bool held_before = std::exchange(letter->missed, true);
        if (!faults_.on || held_before || world_.chance(500)) return;
        if (back() + faults_.slowest > letter->expires) return;
        return send(letter, back() + world_.between(Duration(0), faults_.slowest));
    }
    if (land_damaged(letter->block, letter->content)) return;
    const bool several_sectors = letter->content.size() > sector;
    if (several_sectors && !letter->landed && happens(faults_.in_parts)) {
        return land_in_parts(letter);
    }
    platter_.put(letter->block, letter->content);
    watch_.landed(*this, platter_, letter->block, letter->late ? Landing::late : Landing::sound);
    if (treacherous(faults_.again)) echo(letter);
}

void SimDisk::land_in_parts(const LetterPtr& letter) {
    letter->landed = true;
    platter_.put(letter->block, letter->content, world_.random().bits(8));
    watch_.landed(*this, platter_, letter->block, Landing::faulty);
    send(letter, world_.now() + world_.between(Duration(0), faults_.quickest));
}

// The same content a second time, perhaps after newer ones.
void SimDisk::echo(const LetterPtr& letter) {
    ++echoes_;
    const Duration wait = world_.between(Duration(0), faults_.longest_hang);
    world_.at(world_.now() + wait, [this, letter] {
        --echoes_;
        platter_.harmed = true;
        platter_.put(letter->block, letter->content);
        watch_.landed(*this, platter_, letter->block, Landing::faulty);
    });
}

void SimDisk::settle(std::uint64_t block) {
    if (--outstanding_[block] == 0) outstanding_.erase(block);
}

void SimDisk::answer_write(Io& io, int error, const Letters& letters) {
    --unanswered_;
    for (const LetterPtr& letter : letters) {
        settle(letter->block);
        if (letter->missed) error = EIO;
    }
    if (gone()) error = EIO;  // whether it landed before, nobody can tell
    if (error != 0) return finish(io, error);
    io.wrote = true;
    if (io.kind == Io::Kind::visit) return begin_read(io);
    finish(io, 0);
}

// ---- reads ----

// The blocks are read one after the other, from a random one on, in either direction.
void SimDisk::begin_read(Io& io) {
    if (gone() || happens(faults_.read_error)) {
        return world_.at(later(), [this, &io] { finish(io, EIO); });
    }
    io.scratch[0] = world_.random().below(io.from.count);
    io.scratch[1] = world_.random().below(2);
    world_.at(later(), [this, &io] { read_block(io, 0); });
}

void SimDisk::read_block(Io& io, std::uint64_t done) {
    if (gone()) return finish(io, EIO);
    const std::uint64_t count = io.from.count;
    const std::uint64_t turn = (io.scratch[0] + done) % count;
    const std::uint64_t index = io.scratch[1] == 0 ? turn : count - 1 - turn;
    copy_block(io.in.bytes().subspan(index * block_size(), block_size()), io.from.first + index);
    if (done + 1 == count) return finish(io, 0);
    const Duration gap = world_.between(Duration(1), faults_.row_gap);
    const bool hangs = happens(faults_.hang / 8);
    const Instant next = hangs ? later() : std::max(world_.now(), heard()) + gap;
    world_.at(next, [this, &io, done] { read_block(io, done + 1); });
}

}  // namespace diskpaxos::sim
