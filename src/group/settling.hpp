// Settling: what a joiner does with a slot that nobody can use (docs/slots.md, R13): it mends it as
// a mender would, heals nothing, and gives it back. What it needs: the claim lock of this host and
// the slot's locks.
#pragma once

#include "group/claim.hpp"

namespace diskpaxos {

class Settling {
  public:
    Settling(World& world, const Roster& roster, const QuorumRule& rule, Host host)
        : mend_(world, roster, rule, host), release_(world, roster, rule, host), world_(world), host_(host.id),
          ttl_(std::chrono::milliseconds(roster.common.ttl_ms)) {}

    // True if the slot has been settled. Once per object.
    Task<bool> run(std::uint32_t slot, Watched watched);
    Instant drained_at() const { return std::max(mend_.drained_at(), release_.drained_at()); }

  private:
    Claim mend_;
    Claim release_;
    World& world_;
    Uuid host_;
    Duration ttl_;
};

}  // namespace diskpaxos
