#include "disk/door.hpp"

#include <algorithm>

namespace diskpaxos {

void encode_door(ByteSpan out, const BlockAddress& address, DoorState state) {
    CHECK(address.kind == BlockKind::door && state != DoorState::unknown);
    std::ranges::fill(out, std::byte{0});
    seal(out, address, state == DoorState::closed ? flag_initial : std::uint8_t{0}, 0);
}

DoorState decode_door(ByteView bytes, const BlockAddress& expected) {
    if (inspect(bytes, expected) != Damage::none) return DoorState::unknown;
    return (flags_of(bytes) & flag_initial) != 0 ? DoorState::closed : DoorState::open;
}

IoPtr opening_of_door(Disk& disk, std::uint64_t at, const BlockAddress& door) {
    IoPtr io = disk.prepare(Io::Kind::write, Extent{at, 1}, Extent{});
    encode_door(io->out.bytes(), door, DoorState::open);
    return io;
}

}  // namespace diskpaxos
