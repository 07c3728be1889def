// Session: this process's sign of life, on which all its locks hang (algorithms.md 9.2).
//
// A cell of its slot, which keep() renews in one phase. The lease counts from the *start* of the
// last renewal that a majority acknowledged (H1, H2), on a clock that does not stop in suspend; a
// renewal that completes when the lease is over does not extend it (H3): the session is lost, for
// ever. Who wants to act under it tests sound() first, and stops by terminate_at() (H4).
#pragma once

#include "async/scope.hpp"
#include "group/directory.hpp"
#include "lock/session_watch.hpp"

namespace diskpaxos {

struct SessionOwner {  // for people
    std::string host_name;
    Uuid boot{};
    std::uint32_t pid = 0;
    std::string command;
    std::uint64_t since_ms = 0;  // unix time
    // What the time is, unix, in ms; null: renewals do not tell it.
    std::uint64_t (*time_of_day)() = nullptr;
    std::uint64_t now_ms() const { return time_of_day != nullptr ? time_of_day() : 0; }
};

// Where nobody has a slot, sessions have numbers all the same: the cells that they live in. Any
// number will do whose last session is over; taking it is one change of its cell.
inline constexpr std::uint16_t any_slot = 0xffff;

class Session {
  public:
    // `slot`: of our seat, or any_slot. `ttl`: of this session; as the disks say, unless given. Observers go by what it publishes.
    // Must not be destroyed in the middle of an operation unless its group is never used again.
    Session(World& world, Directory& directory, std::uint16_t slot, SessionOwner owner,
            std::optional<Duration> ttl = std::nullopt);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Opens a session of its own in our slot; again after it was lost. From then on it renews
    // itself until it leaves or is lost. Where the slot shows a live session of another boot, that is
    // watched for a quarter of its TTL first, 15 s at the most, and once more if its last renewal
    // was left half done: this comes on top of the deadline.
    // in_use: it is renewed, so another machine has the id of this host.
    Task<Result<void>> open(Instant deadline);

    // After everything that it guards has stopped. Whatever the outcome, the session is over for
    // its owner; if the change is not known to be made, others wait for its TTL.
    Task<Result<void>> leave(Instant deadline);

    bool open() const { return phase_ == Phase::open; }
    bool sound() const { return open() && world_.clock.now() < valid_until_; }
    const SessionRef& ref() const { return ref_; }
    const SessionOwner& owner() const { return owner_; }
    const Timing& timing() const { return timing_; }

    Instant valid_until() const { return valid_until_; }
    Instant terminate_at() const { return valid_until_ - timing_.terminate_before(); }
    Instant kill_at() const { return valid_until_ - timing_.kill_before(); }

    Event& changed() { return changed_; }  // set whenever valid_until() has moved, or it was lost
    Event& lost() { return lost_; }
    // Why the last attempt to renew failed; empty: it did not.
    const std::string& trouble() const { return why_lost_.sentence; }
    Error why_lost() const;  // or why it is not sound, if keep() has not noticed yet

    // Renewals so far, and the smallest margin that one left: how long before the end of the lease
    // it was acknowledged.
    std::uint64_t renewals() const { return renewals_; }
    Duration least_margin() const { return least_margin_; }

  private:
    enum class Phase : std::uint8_t { closed, open, leaving, lost };

    enum class Opened : std::uint8_t { yes, too_late, taken };
    Task<Result<Opened>> open_once(Instant deadline);
    Task<Result<Duration>> outlive_other_boot(Instant deadline);  // how long that took
    bool is_of_another_boot(const SessionRecord& record) const;
    Task<Result<Opened>> open_any(Instant deadline);
    Task<Result<Opened>> open_if_over(Instant deadline);
    Task<Result<std::optional<SessionRecord>>> living(std::uint16_t slot, Instant deadline);
    Task<Result<bool>> outlive(std::uint16_t slot, Instant deadline);
    void use(std::uint16_t slot);
    Task<void> keep();
    Task<Result<bool>> renew(Instant deadline);
    Result<SessionRecord> ours(const CellView& base) const;
    SessionRecord fresh(const CellView& base) const;
    void extended(Instant started);
    void lose(Error why);
    Error unrenewed() const;

    World& world_;
    Directory& directory_;
    SessionOwner owner_;
    Timing timing_;
    const bool any_slot_;
    std::uint16_t slot_ = 0;  // whose cell is tried, or was opened
    std::string name_;

    Phase phase_ = Phase::closed;
    SessionRef ref_;  // of the last one that was opened, until there is another
    std::uint64_t opened_ = 0;
    Instant opened_at_{};     // when the change that opened it had completed
    Instant last_started_{};  // of the last renewal
    Instant valid_until_{};
    Duration margin_{};
    Duration least_margin_{};
    std::uint64_t renewals_ = 0;
    std::uint32_t beat_ = 0;  // attempts to renew
    Event changed_;
    Event lost_;
    Event leaving_;
    Error why_lost_;
    Scope scope_;  // last: keep() refers to the rest
};

}  // namespace diskpaxos
