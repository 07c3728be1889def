// Seat: the slot that this process has borrowed, and on which disks it may write. Where all disks
// are active nobody needs a slot: a seat is nothing but a proposer that nobody else ever is.
//
// Hosts own slots, processes borrow them. A slot is borrowed when its lock is held on a majority
// of the disks, and written only on disks where its lock is held. On one host a lock on the very
// descriptor that carries the slot's I/O stays taken, after its owner was killed, until the last
// of its writes has landed (the OFD rule): so whoever holds it knows that no write of an earlier
// local user is outstanding on that disk. Writes of an earlier boot are waited out (`drain`).
#pragma once

#include <optional>

#include "group/claim.hpp"

namespace diskpaxos {

// Locks between the processes of one host, one per disk and slot.
class SlotLocks {
  public:
    virtual ~SlotLocks() = default;
    virtual bool try_lock(Disk& disk, std::uint32_t slot) = 0;
    virtual void unlock(Disk& disk, std::uint32_t slot) = 0;
};
inline constexpr std::uint32_t claim_lock = 0xffff;  // held while this host claims slots

inline constexpr std::uint32_t no_slot = 0xffff'ffff;

struct Seat {
    std::uint32_t slot = 0;  // no_slot: none is needed
    std::uint32_t ring_index = 0;
    DiskSet open;  // where our lock is held
    Proposer me;
    bool announced() const { return slot != no_slot; }
};

// A seat in a group of active disks: at once, and for any number of processes. 64 random bits per
// process; two that drew the same would also have to meet in one round of one register.
Seat unannounced_seat(Random& random, std::size_t disks);

struct SeatWish {
    Host host;
    Duration uptime{};                  // how long this boot has lasted
    std::optional<std::uint32_t> slot;  // this one and no other
};

// How long a write of a crashed host may still be on its way (T_ghost, algorithms.md 7.5).
constexpr Duration drain_time(Duration ttl) {
    return std::max(Duration(std::chrono::seconds(30)), 3 * ttl);
}
// Of so many slots that a host gets, how many belong to the tier: as large a part of each, so that
// every host has some in the first, which cost its readers least.
std::uint32_t part_of(std::uint32_t slots, const Geometry& geometry, std::uint32_t tier);

// How many slots a host claims when it needs one.
constexpr std::uint32_t handful(std::uint32_t slots) { return std::max(1U, slots / 8); }
// How many the formatting host gets.
constexpr std::uint32_t first_share(std::uint32_t slots) { return std::max(1U, slots / 2); }

class SeatFinder {
  public:
    SeatFinder(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks)
        : world_(world), roster_(roster), rule_(rule), locks_(locks), table_(world, roster, rule) {}

    // At once if this host has a slot to spare; otherwise claims a handful (about TTL/10), or
    // waits for one of its own to become free.
    Task<Result<Seat>> find(SeatWish wish, Instant deadline);

  private:
    std::optional<Seat> borrow(const SeatWish& wish);
    std::optional<Seat> borrow(const SeatWish& wish, std::uint32_t tier);
    std::vector<std::uint32_t> handful_of(std::vector<std::uint32_t> claimable);
    std::optional<Seat> lock(std::uint32_t slot);
    Task<bool> claim_more(SeatWish wish, Instant deadline);
    Error no_seat(const SeatWish& wish) const;

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    SlotTableAccess table_;
};

}  // namespace diskpaxos
