// Claim: everything that is written to an owner block is written inside a claim (docs/slots.md). One
// object is one attempt, of all its slots at once: one after the other, the last stamps would be
// late on a busy machine.
//
//  1  tb = now; read the slot table of this disk
//  2  write a stamp of our own into the claim block; if that took longer than B since tb, this
//     disk is never validated (a competitor may have been validated meanwhile)
//  3  wait V after the write; read the table again: our stamp still stands, so we hold this disk
//  4  held on a majority: read the table once more, on all disks, and decide once (ruling.hpp)
//  5  write what was decided on each disk that we hold; won when a majority shows it
//  6  free the claim blocks, if the attempt came to a conclusion; otherwise the stamps stay, and
//     a mender settles them
//
// V(1-rho) > B(1+rho): a competitor that also saw the claim block free has landed its stamp before
// we look again, or has exceeded B and disqualified itself. Nothing at all is submitted later than
// 4V after the first stamp (R4): so that after 4V and the drain time nothing of it can land any
// more.
#pragma once

#include <vector>

#include "group/ruling.hpp"
#include "group/stamps.hpp"
#include "group/table_reader.hpp"

namespace diskpaxos {

struct Host {  // who we are, to the slot table
    Uuid id{};
    Uuid boot{};
    std::string name;
    std::uint64_t now_ms = 0;  // unix time, for people only
};

// What is asked of a claim.
struct Asked {
    std::uint32_t slot = 0;
    Wish wish = Wish::own;
    std::uint64_t before = 0;  // release: the stamp under which we borrowed it
    Uuid forgotten{};          // forget: which host
};

struct Claimed {
    std::uint32_t slot = 0;
    Wish wish = Wish::own;
    Ruling::Kind ruling = Ruling::Kind::undecided;
    bool won = false;       // a majority shows the entry
    SlotEntry entry;        // what was written, if anything was
    std::uint32_t healed = 0;  // damaged blocks that were written over
};

class Claim {
  public:
    Claim(World& world, const Roster& roster, const QuorumRule& rule, Host host);

    // Once per object. `watched`: what may be gone over; only menders have something there.
    // `patience`: how long one disk that is slow is waited for when a majority has answered.
    Task<std::vector<Claimed>> run(std::vector<Asked> asked, Watched watched, Instant deadline,
                                   Duration patience = Fan::grace);

    // Waits until every write of this claim is answered; false at the deadline: then something of
    // it may still land.
    Task<bool> all_answered(Instant deadline);
    // When no write of this claim can land any more (R11): of those that failed or have no answer.
    Instant drained_at() const;

  private:
    struct Attempt {
        Petition petition;
        DiskSet stamped;    // in time
        DiskSet validated;  // step 3
        DiskSet sound;      // the owner block was readable before our stamp
        DiskSet damaged;    // a block of ours there was not, and we went over it
        DiskSet tenure;     // by the reading that decides
        DiskSet showing;    // the target: it stood there before, or our write was answered
        bool wrote = false;
        Ruling ruling;
    };

    Task<void> stamp_on(std::size_t disk);
    Task<TableCopy> fetch_at_once(std::size_t disk, Instant& begun);
    Task<void> stamp(std::size_t disk, Attempt& attempt, Instant before);
    bool may_stamp(std::size_t disk, const TableCopy& table, Attempt& attempt) const;
    void validate(std::size_t disk, const TableCopy& table);
    Task<void> read_on(std::size_t disk);
    std::vector<Showing> showings(Attempt& attempt) const;
    void decide();
    Task<void> write_on(std::size_t disk);
    Task<void> write(std::size_t disk, Attempt& attempt);
    bool conclusive(const Attempt& attempt) const;
    Task<void> free_on(std::size_t disk);
    Task<void> free(std::size_t disk, Attempt& attempt);
    Task<bool> put(std::size_t disk, BlockKind kind, std::uint32_t slot, SlotEntry entry);
    bool alive(std::size_t disk) const;
    bool majority(DiskSet disks) const {
        return rule_.suffices(Purposes{.read = true, .write = true}, disks);
    }
    std::vector<Claimed> outcome() const;

    enum class Phase : std::uint8_t { stamping, reading, writing, freeing, over };

    World& world_;
    const Roster& roster_;
    const QuorumRule& rule_;
    Host host_;
    ClaimTiming timing_;
    Duration drain_;
    Watched watched_;
    Phase phase_ = Phase::stamping;
    std::vector<Attempt> attempts_;
    std::vector<TableCopy> validating_;  // the readings of step 3
    std::vector<TableCopy> deciding_;    // the readings of step 4
    Instant born_ = Instant::max();      // when the first stamp was submitted
    std::vector<Instant> born_on_;       // the same, per disk: for a mutant only
    Instant drained_at_{};
    unsigned under_way_ = 0;  // writes without an answer
    DiskSet done_;  // in this phase
    Fan fan_;       // last: its tasks die before what they write to
};

}  // namespace diskpaxos
