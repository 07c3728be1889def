// SlotKeeper: sees to it that a host keeps what it uses, and one slot in any case, and does not
// hoard the rest (docs/slots.md, R5: give back). Each process does it for its whole host:
//
//  - when it ends and no other process of its host has a seat, all but one go back;
//  - while it lives, and others find no free slot, those go back that stood unused at two looks;
//  - while it lives, what is damaged in the slot table of its host's slots is written again, by a claim
//    (R3, R5: keep), two looks and T_ghost after it was seen first.
//
// A look is one reading of the slot table, a read per disk: every two TTLs while the host owns more
// than one slot, every eight otherwise; and one at the end. Nothing is written unless a slot is
// given back: that is a claim, and takes about TTL/10.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "group/returning.hpp"

namespace diskpaxos {

class SlotKeeper {
  public:
    // `seat`: the slot that this process has borrowed. `uptime`: how long this boot has lasted.
    SlotKeeper(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks,
               Host host, Duration uptime, std::uint32_t seat);

    // Until `end` is set. What has been begun then is brought to its end: it takes 4V at most.
    Task<void> keep(Event& end);

    // At the end. True if the host owns more than this process's own slot.
    Task<bool> owns_more();
    // After owns_more(), when this process has given up its seat. What was given back.
    Task<std::vector<std::uint32_t>> give_back_rest();

  private:
    struct Found {
        std::vector<std::uint32_t> idle;   // ours, to be had, and not this process's own
        std::vector<std::uint32_t> stuck;  // idle, but behind stamps: a claim of ours was given up
        std::uint32_t in_use = 0;          // ours, by other processes
    };
    Found look();
    bool idle(std::uint32_t slot) const;
    bool open_to_claims(std::uint32_t slot) const;
    bool drained(const SlotEntry& owner) const;
    bool others_find_none() const;
    Task<void> give_back(std::vector<std::uint32_t> slots);
    Task<void> let_go(std::shared_ptr<GiveBack> back);
    Task<void> settle(std::vector<std::uint32_t> stuck);
    Task<void> mend_entries();
    std::vector<Asked> worn() const;

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    Host host_;
    Duration ttl_;
    Instant booted_;
    std::optional<std::uint32_t> seat_;
    TableReader table_;
    std::uint32_t owned_ = 0;            // by the last look; the seat's slot included
    std::vector<std::uint32_t> before_;  // unused at the look before, when others found none
    std::optional<Watched> watched_;     // since the first look that showed something stuck
    std::optional<Watched> damage_;      // since the first look that showed entries of ours damaged
    Instant claim_again_{};              // a write of ours that failed may land until then (R11)
    Scope late_;  // last: what has no answer yet
};

}  // namespace diskpaxos
