// Slot entries: who may use which slot. Each slot has two blocks in the slot table of each disk:
//
//  claim   written by anybody who wants the slot, under the timed rule of algorithms.md 9.5. A
//          claim that lands late spoils this block only.
//  owner   written only by the one whose claim was validated on a majority of the disks. Of
//          several copies the highest turn is the true one.
//
// Body: 0 state u8 · 8 turn u64 · 16 stamp u64 · 24 since, unix ms u64 · 32 host[16]
//       48 boot[16] · 64 host name length u8 · 65 host name[63]
#pragma once

#include <expected>
#include <string>

#include "disk/sealed.hpp"

namespace diskpaxos {

enum class SlotState : std::uint8_t {
    free = 0,      // nobody's
    taken = 1,     // claim: somebody is at it. owner: this host's, for good
    borrowed = 2,  // owner: held for healing, to be given back
};

struct SlotEntry {
    SlotState state = SlotState::free;
    std::uint64_t turn = 0;      // +1 for each change of hands: even while free, odd while held
    std::uint64_t stamp = 0;     // unique to one claim
    std::uint64_t since_ms = 0;  // unix time
    Uuid host{};                 // the machine, as this group knows it
    Uuid boot{};                 // its boot at that time
    std::string host_name;       // for people

    bool held() const { return state != SlotState::free; }
    // Which block of the ring this holder writes; the one before it writes another.
    std::uint32_t ring_index(std::uint32_t ring) const {
        return static_cast<std::uint32_t>(turn / 2 % ring);
    }
    bool operator==(const SlotEntry&) const = default;
};

inline constexpr std::size_t max_host_name = 63;  // longer ones are cut

void encode_slot_entry(ByteSpan out, const BlockAddress& address, const SlotEntry& entry);
std::expected<SlotEntry, Damage> decode_slot_entry(ByteView block, const BlockAddress& expected);

}  // namespace diskpaxos
