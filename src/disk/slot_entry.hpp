// Slot entries: who may use which slot. Each slot has two blocks in the slot table of each disk:
//
//  claim   a stamp: somebody means to change the owner block of this disk (docs/slots.md). One
//          that lands late spoils this block only.
//  owner   written only inside a claim that holds this disk (slots-R2, R6). An entry counts when a
//          majority of the disks shows it (slots-R1); the highest turn alone proves nothing.
//
// Body: 0 state u8 · 8 turn u64 · 16 stamp u64 · 24 since, unix ms u64 · 32 host[16]
//       48 boot[16] · 64 host name length u8 · 65 host name[63]
#pragma once

#include <expected>
#include <string>

#include "disk/sealed.hpp"

namespace diskpaxos {

enum class SlotState : std::uint8_t {
    free = 0,       // nobody's
    taken = 1,      // claim: somebody is at it. owner: this host's
    borrowed = 2,   // owner: held for healing, to be given back
    returning = 4,  // claim: its host is giving the slot back (slots-R5)
};

struct SlotEntry {
    SlotState state = SlotState::free;
    std::uint64_t turn = 0;      // even while free, odd while held; +2 where a held entry is replaced
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
