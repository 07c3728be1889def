// Slots that go back (docs/slots.md): those that their host does not use (R5, give back), and all of
// a host that is off for good (R12). Both are claims: nothing is written to an owner block outside.
#pragma once

#include <optional>

#include "group/seat.hpp"

namespace diskpaxos {

// A host returns slots that no process of it uses: never the slot of a seat of this process, whose
// lock would be had, and given up.
class GiveBack {
  public:
    GiveBack(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks, Host host)
        : world_(world),
          roster_(roster),
          rule_(rule),
          locks_(locks),
          claim_(world, roster, rule, std::move(host)) {}

    // Those of `slots` that were given back: only those whose locks could be had on every disk of
    // the group, and none while another process of this host claims. Takes about TTL/10. Once per
    // object. Where a write has failed, or has no answer at the deadline, the slots' locks stay
    // with this process until let_go_later().
    Task<std::vector<std::uint32_t>> run(std::vector<std::uint32_t> slots, Instant deadline);
    Instant drained_at() const { return claim_.drained_at(); }
    bool holds() const { return !locked_.empty(); }
    // Gives the locks up when no write of the claim can land any more, however long that takes.
    Task<void> let_go_later();

  private:
    void let_go();

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    std::vector<std::pair<std::uint32_t, DiskSet>> locked_;  // slots, and where
    Claim claim_;
};

// What a person asks for, who says that a host is off, or has been started again since. Its sessions
// must be over by then, all of them; the caller has seen to that.
class Forgetting {
  public:
    Forgetting(World& world, const Roster& roster, const QuorumRule& rule, Host host, Uuid forgotten)
        : world_(world),
          roster_(roster),
          forgotten_(forgotten),
          ttl_(std::chrono::milliseconds(roster.common.ttl_ms)),
          table_(world, roster, rule),
          claim_(world, roster, rule, std::move(host)) {}

    struct Outcome {
        std::vector<std::uint32_t> freed;
        std::vector<std::uint32_t> left;  // not every disk was reached, or somebody else claims
    };
    // Waits for `ttl`, the longest that a session of the host has published, and for the drain time:
    // what the host had under way has landed by then. Errors: no_quorum. Once per object.
    Task<Result<Outcome>> run(Duration ttl, Duration patience);

    // The same in two steps: nothing but reads, and then the claim. In between the caller may look
    // whether the host has come back.
    Task<Result<void>> wait(Duration ttl, Duration patience);
    Task<Result<Outcome>> claim(Duration patience);
    Duration length(Duration ttl) const;  // of the waiting

  private:
    World& world_;
    const Roster& roster_;
    Uuid forgotten_;
    Duration ttl_;
    TableReader table_;
    Watched watched_;
    Claim claim_;
};

}  // namespace diskpaxos
