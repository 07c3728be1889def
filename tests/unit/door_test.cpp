// Door: closed, open, or nobody knows.
#include "disk/door.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

namespace diskpaxos {
namespace {

constexpr BlockAddress here{.kind = BlockKind::door, .cell = 3, .slot = 2};

Bytes door(DoorState state, const BlockAddress& address = here) {
    Bytes block(512, std::byte{0xaa});
    encode_door(block, address, state);
    return block;
}

TEST(Door, SaysWhetherAnybodyHasBeenBehindIt) {
    EXPECT_EQ(decode_door(door(DoorState::closed), here), DoorState::closed);
    EXPECT_EQ(decode_door(door(DoorState::open), here), DoorState::open);
}

// So that it does not matter whose write lands last, nor how late.
TEST(Door, IsOpenedWithTheSameBytesByEverybody) {
    EXPECT_EQ(door(DoorState::open), door(DoorState::open));
    EXPECT_NE(door(DoorState::open), door(DoorState::closed));
    EXPECT_TRUE(std::ranges::all_of(door(DoorState::open) | std::views::drop(128),
                                    [](std::byte b) { return b == std::byte{0}; }));
}

TEST(Door, IsUnknownWhenItIsDamagedAndNeverClosed) {
    for (const DoorState state : {DoorState::closed, DoorState::open}) {
        const Bytes sound = door(state);
        for (const std::size_t at : {0U, 5U, 30U, 33U, 36U, 39U, 124U, 200U, 511U}) {
            Bytes damaged = sound;
            damaged[at] ^= std::byte{1};
            EXPECT_EQ(decode_door(damaged, here), DoorState::unknown) << at;
        }
    }
    EXPECT_EQ(decode_door(Bytes(512), here), DoorState::unknown);
}

TEST(Door, IsUnknownWhenItBelongsElsewhere) {
    const Bytes sound = door(DoorState::closed);
    BlockAddress other = here;
    other.cell = 4;
    EXPECT_EQ(decode_door(sound, other), DoorState::unknown);
    other = here;
    other.slot = 1;  // the tier
    EXPECT_EQ(decode_door(sound, other), DoorState::unknown);
    other = here;
    other.disk = 1;
    EXPECT_EQ(decode_door(sound, other), DoorState::unknown);
    other = here;
    other.group[0] = std::byte{1};
    EXPECT_EQ(decode_door(sound, other), DoorState::unknown);
    other = here;
    other.kind = BlockKind::cell;
    EXPECT_EQ(decode_door(door(DoorState::closed, here), other), DoorState::unknown);
}

}  // namespace
}  // namespace diskpaxos
