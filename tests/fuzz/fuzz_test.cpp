#include <gtest/gtest.h>

#include "async/random.hpp"
#include "consensus/record.hpp"
#include "decoders.hpp"
#include "disk/block.hpp"
#include "disk/door.hpp"
#include "disk/slot_entry.hpp"
#include "disk/superblock.hpp"
#include "lock/lock_record.hpp"
#include "lock/session_record.hpp"
#include "wire/frame.hpp"
#include "wire/sample.hpp"

namespace diskpaxos {
namespace {

Bytes superblock(std::size_t size) {
    Superblock s;
    s.name = "fuzz";
    s.disks.resize(3);
    s.geometry.block_size = static_cast<std::uint32_t>(size);
    s.geometry.tier = 8;
    Bytes out(size);
    encode_superblock(out, s, 0);
    return out;
}

Bytes slot_entry(std::size_t size) {
    SlotEntry entry;
    entry.state = SlotState::taken;
    entry.host_name = "host";
    Bytes out(size);
    encode_slot_entry(out, {.kind = BlockKind::owner}, entry);
    return out;
}

// As an all-active group has it, with a lineage as long as fits or cut to any length.
Bytes roomy_record(SeededRandom& random) {
    const RecordFormat format(Geometry{.roomy = true}, DiskKinds::active);
    Bytes record;
    const Bytes value(random.below(200), std::byte{1});
    const CellView view{.version = 1, .state = CellState::set, .name = "n", .value = value};
    format.succeed(record, {}, 0, view, {8, Proposer(1)});
    if (random.one_in(2)) record[8] = static_cast<std::byte>(random.below(40));
    return record;
}

Bytes cell(std::size_t size, SeededRandom& random) {
    const Bytes value = random.one_in(2) ? roomy_record(random) : Bytes(60, std::byte{1});
    Bytes out(size);
    encode_block(out, {.kind = BlockKind::cell},
                 {.incarnation = Proposer(1),
                  .seq = 1,
                  .promised = {9, Proposer(1)},
                  .accepted = {8, Proposer(1)},
                  .committed = {},
                  .value = value});
    return out;
}

Bytes door(std::size_t size, bool open) {
    Bytes out(size);
    encode_door(out, {.kind = BlockKind::door, .cell = 1, .slot = 2},
                open ? DoorState::open : DoorState::closed);
    return out;
}

// From a sound block of each kind, a few bytes changed; some with more zeroes, some with noise.
TEST(Fuzz, NoDecoderFallsOverWhatItIsGiven) {
    SeededRandom random(7);
    for (int round = 0; round < 20'000; ++round) {
        const std::size_t size = random.one_in(4) ? 4096 : 512;
        Bytes block = random.one_in(4)   ? door(size, random.one_in(2))
                      : random.one_in(3) ? superblock(size)
                      : random.one_in(2) ? slot_entry(size)
                                         : cell(size, random);
        const std::uint64_t changes = random.below(6);
        for (std::uint64_t i = 0; i < changes; ++i) {
            const std::size_t at = random.below(random.one_in(2) ? 300 : size);
            block[at] = static_cast<std::byte>(random.one_in(2) ? random.below(256)
                                                                : random.below(2) * 255);
        }
        if (random.one_in(20)) block.resize(random.below(size));
        decode_everything(block);
    }
}

TEST(Fuzz, NorOverSessionsAndLocks) {
    SeededRandom random(9);
    SessionRecord session;
    session.ttl_ms = 10'000;
    session.opened = 7;
    session.host_name = "host";
    session.command = "command";
    LockRecord lock;
    lock.token = 5;
    lock.holders = {{{1, 7}, 4}, {{2, 9}, 5}};
    lock.waiters = {{3, 1, LockMode::exclusive}};
    lock.value = Bytes(4, std::byte{1});
    for (int round = 0; round < 20'000; ++round) {
        Bytes value = encode(session, 100);
        if (random.one_in(2)) encode(value, lock);
        for (std::uint64_t changes = random.below(4); changes > 0; --changes) {
            value[random.below(random.one_in(2) ? 4 : value.size())] =
                static_cast<std::byte>(random.below(256));
        }
        if (random.one_in(10)) value.resize(random.below(value.size()));
        decode_everything(value);
    }
}

// Frames with a few bytes changed, most of them sealed again: as if a client had meant it.
TEST(Fuzz, NorOverFrames) {
    SeededRandom random(10);
    const std::vector<std::string> names = wire::sample_names();
    for (int round = 0; round < 20'000; ++round) {
        Bytes stream;
        for (std::uint64_t frames = 1 + random.below(3); frames > 0; --frames) {
            Bytes frame = wire::sample(names[random.below(names.size())]);
            for (std::uint64_t changes = random.below(3); changes > 0; --changes) {
                frame[random.below(frame.size())] = static_cast<std::byte>(random.below(256));
            }
            if (!random.one_in(4)) wire::end_frame(frame, 0);
            stream.insert(stream.end(), frame.begin(), frame.end());
        }
        if (random.one_in(10)) stream.resize(random.below(stream.size()));
        decode_everything(stream);
    }
}

TEST(Fuzz, NorOverNoise) {
    SeededRandom random(8);
    for (int round = 0; round < 2'000; ++round) {
        Bytes noise(random.below(5000));
        for (std::byte& byte : noise) byte = static_cast<std::byte>(random.below(256));
        decode_everything(noise);
    }
}

}  // namespace
}  // namespace diskpaxos
