// Seat: the slot that this process has borrowed, and on which disks it may write. Where all disks
// are active nobody needs a slot: a seat is nothing but a proposer that nobody else ever is.
//
// Hosts own slots, processes borrow them. A slot is borrowed when its lock is held on a majority
// of the disks, and written only on disks where its lock is held. On one host a lock on the very
// descriptor that carries the slot's I/O stays taken, after its owner was killed, until the last
// of its writes has landed (the OFD rule): so whoever holds it knows that no write of an earlier
// local user is outstanding on that disk. Writes of an earlier boot are waited out (`drain`).
//
// The host may be giving the slot back, or a mender may be settling it. So the table is read twice
// (docs/slots.md, R1), the second time when the locks are held.
#pragma once

#include <functional>
#include <optional>

#include "group/settling.hpp"

namespace diskpaxos {

// Locks between the processes of one host, one per disk and slot.
class SlotLocks {
  public:
    virtual ~SlotLocks() = default;
    virtual bool try_lock(Disk& disk, std::uint32_t slot) = 0;
    virtual void unlock(Disk& disk, std::uint32_t slot) = 0;
    // A write of this slot failed on this disk, and may land for `time` from now. Until then no
    // process of this host gets the lock there (docs/protocol.md, doubt-D1): the kernel frees it
    // with the descriptor, whether what failed has landed or not.
    virtual void doubt(Disk& disk, std::uint32_t slot, Duration time) = 0;
};
inline constexpr std::uint32_t claim_lock = 0xffff;  // held while this host claims slots

// The disks on which this lock could be had.
DiskSet lock_everywhere(const Roster& roster, SlotLocks& locks, std::uint32_t slot);
void unlock(const Roster& roster, SlotLocks& locks, std::uint32_t slot, DiskSet disks);

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
    std::function<void(const std::string&)> say = [](const std::string&) {};  // why it takes long
};

// How many slots a host that has `owned` claims when it needs one more, of those that are free:
// one at first, twice as many each time, and never more than half of what others may need.
std::uint32_t share_of(std::uint32_t owned, std::uint32_t free);

// How many the formatting host gets.
constexpr std::uint32_t first_share(std::uint32_t) { return 1; }

class SeatFinder {
  public:
    SeatFinder(World& world, const Roster& roster, const QuorumRule& rule, SlotLocks& locks)
        : world_(world), roster_(roster), rule_(rule), locks_(locks), table_(world, roster, rule) {}

    // At once if this host has a slot to spare; otherwise claims some (about TTL/10), or waits for
    // one of its own to become free. If everything that is left is barred by what claims left
    // behind, it settles a slot first (R13): that takes longer than the deadline, and is said.
    Task<Result<Seat>> find(SeatWish wish, Instant deadline);

  private:
    Task<std::optional<Seat>> borrow(SeatWish wish, bool whole, Instant deadline);
    std::vector<std::uint32_t> candidates(const SeatWish& wish);
    std::optional<Seat> lock(std::uint32_t slot, bool whole);
    Task<bool> claim_more(SeatWish wish, Instant deadline);
    Task<bool> settle(SeatWish wish);
    std::vector<std::uint32_t> barred(const SeatWish& wish) const;
    std::vector<std::uint32_t> some_of(std::vector<std::uint32_t> claimable, const SeatWish& wish);
    Task<bool> give_way(Instant deadline);
    Instant end_of_hope(const SeatWish& wish, Instant deadline);
    Duration pause();
    Error no_seat(const SeatWish& wish) const;

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    SlotLocks& locks_;
    TableReader table_;
    std::optional<Instant> hopeless_since_;
    Duration pause_ = std::chrono::milliseconds(10);
    bool lost_race_ = false;  // in the last look: others were after the same slots
    unsigned races_ = 0;      // that were lost
    Instant claim_again_{};  // a write of our last attempt may land until then (R11)
    std::optional<Watched> settling_;
    Instant settle_at_{};
    std::optional<Instant> say_at_;
    unsigned settled_ = 0;  // attempts so far
    static constexpr unsigned most_settled = 3;
};

}  // namespace diskpaxos
