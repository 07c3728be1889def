// Door: the first block of a row that says whether anybody has ever written behind it. Closed by
// format, opened by whoever writes there first, and never closed again. All who open it write the
// very same block; so it may have many writers, and none of them can undo another's, however late.
//
// The rule: a block behind a door is written only after the door is durably open on that disk.
// Hence whoever reads a closed door knows that, at that moment, all blocks behind it were initial;
// it has read them, as it were, at no cost. Reads of different blocks of a row need not be atomic
// (algorithms.md 6.1 O4), so whatever holds for those who read a whole row holds for them.
// Derivation: ours, docs/decisions.md.
#pragma once

#include "disk/disk.hpp"
#include "disk/sealed.hpp"

namespace diskpaxos {

enum class DoorState : std::uint8_t { closed, open, unknown };  // unknown: damaged; read behind it

void encode_door(ByteSpan out, const BlockAddress& address, DoorState state);
DoorState decode_door(ByteView bytes, const BlockAddress& expected);
// The request that opens the door at block `at`: it harms nothing, when and however often it lands.
IoPtr opening_of_door(Disk& disk, std::uint64_t at, const BlockAddress& door);

}  // namespace diskpaxos
