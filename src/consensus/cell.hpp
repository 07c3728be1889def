// Cell: a small value that any process may read and change (CASPaxos on a ranked register;
// algorithms.md 4). change(f) reads at a rank, applies f, writes at that rank.
//
// Linearizable. A change is applied exactly once, or not at all, however often it is retried
// within; what cannot be told is said (Unsettled) and can be settled later with resolve(). Whoever
// applied it in the end, we or somebody who took it up, result() is what it made of the cell.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "consensus/backoff.hpp"
#include "consensus/record.hpp"
#include "register/register.hpp"

namespace diskpaxos {

struct Draft {  // the successor of a cell's value, as a change would have it
    CellState state = CellState::unset;
    std::string name;
    Bytes value;
};

enum class Verdict : std::uint8_t {
    write,  // the draft becomes the value, the version rises by one
    keep,   // a condition is not met, or there is nothing to change
};

// Must be pure: it is called once per attempt, on a base that may never commit, and must not
// keep what it computed elsewhere. Judge by what the outcome says.
using ChangeFn = std::function<Verdict(const CellView& base, Draft& draft)>;

// Whether f may be applied once more where nobody can tell any more whether it was applied.
enum class Repeat : std::uint8_t {
    never,      // as a sum: twice is wrong
    while_due,  // if it still wants to write: then it was not. As what demands a version
    always,     // f sees in the base what is done already, or does the same again
};

enum class Cause : std::uint8_t {
    disks,    // too few answered
    others,   // they were always faster, until the deadline
    lineage,  // so many others have followed that it does not tell any more (record.hpp)
};

struct Committed {
    bool applied = false;  // whether f wrote (it returned Verdict::write)
    bool exact = true;     // result() is the value right after this change, not a later one
    bool perhaps = false;  // an earlier attempt may have been applied as well: f was repeated
};
struct Undecided {
    Cause why = Cause::disks;
};  // nothing was proposed
struct Unsettled {
    Cause why = Cause::disks;
};                    // the change may be applied, now, later or never
struct Damaged {};    // the cell holds what this program did not write
struct TooLong {
    std::size_t capacity;  // bytes there are for name and value
};

using ChangeOutcome = std::variant<Committed, Undecided, Unsettled, Usurped, Damaged, TooLong>;
using GetOutcome = std::variant<Committed, Undecided, Usurped, Damaged>;
using ResolveOutcome = std::variant<Applied, Undecided, Usurped, Damaged>;

class Cell {
  public:
    Cell(World& world, const RecordFormat& format, std::unique_ptr<Register> reg, Pace& pace);

    // As long as a change is in doubt, the disks are asked again and again, until the deadline.
    Task<ChangeOutcome> change(const ChangeFn& f, Instant deadline, Repeat repeat = Repeat::never);

    // A read: no write where the disks agree (algorithms.md 4.5), an identity change otherwise.
    Task<GetOutcome> get(Instant deadline);

    // One look, for a hint: what the register seems to hold stands in hint(); whether it is certain
    // is in the outcome.
    Task<LookOutcome> glance(Instant deadline);
    CellView hint() const { return format_.view(hint_); }
    bool hint_valid() const { return format_.valid(hint_); }

    // Writes the value again, as it is, at a rank that lies so many rounds above all that were seen, and
    // above `round`.
    Task<ChangeOutcome> renew(std::uint64_t rounds, Instant deadline, std::uint64_t round = 0);

    // What became of the last change that ended Unsettled: yes and no are final
    // (the resolution lemma, algorithms.md 3.1).
    Task<ResolveOutcome> resolve(Instant deadline);

    // Ends when an active disk has accepted something that the last look or operation has not shown,
    // or at the deadline.
    Task<bool> await_change(Instant deadline) { return register_->watch(seen_, deadline); }

    Task<bool> mend(std::size_t disk, const OwnCopy& copy) { return register_->mend(disk, copy); }

    // This disk was absent until now (register.hpp).
    void admit(std::size_t disk, std::unique_ptr<Visit> visit) {
        register_->admit(disk, std::move(visit));
    }

    // The committed value, as the last operation that ended Committed left it.
    CellView view() const { return format_.view(value_); }
    // What the last change made of the cell, if it was `exact`; view() may be later.
    CellView result() const { return format_.view(followed_ ? result_ : value_); }
    const Register& reg() const { return *register_; }
    Event& idle() { return register_->idle(); }  // set while no visit is on its way

  private:
    struct Attempt {  // one that wrote a change, and was lost
        std::uint64_t round = 0;
        Bytes record;
    };
    struct Operation {
        std::uint64_t first = 0;  // round of the first attempt that wrote; 0: none yet
        Rank last;                // of the last one
        Repeat repeat = Repeat::never;
        Cause why = Cause::disks;  // it is not over yet
        bool writes = false;       // the attempt under way writes a change
        Committed result;
        const Attempt* by = nullptr;  // the attempt that applied it, where others have followed
        bool too_long = false;
    };
    static constexpr std::size_t most_attempts = 64;  // that are remembered

    Task<void> enter();
    void leave();
    Task<ChangeOutcome> run(const ChangeFn& f, Instant deadline, Repeat repeat);
    Task<ChangeOutcome> settle(Instant deadline);
    Task<std::optional<ChangeOutcome>> prepare(Backoff& backoff, Operation& op, Instant deadline);
    std::optional<ChangeOutcome> compose(const ChangeFn& f, Operation& op);
    Verdict apply(const ChangeFn& f, const CellView& base, Operation& op);
    void found_applied(Operation& op);
    void committed(const Operation& op);
    void remember(const Operation& op);
    void forget(Operation& op);
    Task<bool> ask_again(Backoff& backoff, Operation& op, Instant deadline);
    Task<std::optional<ChangeOutcome>> wait_after_loss(Backoff& backoff, Operation& op,
                                                       Instant deadline);
    Task<bool> settle_early(Operation& op, Instant deadline);
    Applied seen_applied(const Operation& op, const LookOutcome& seen) const;
    bool answers(Operation& op);
    bool lies_below(Rank found) const;
    Rank rank_above(Rank floor) const;
    ChangeOutcome too_few(const Operation& op);

    World& world_;
    const RecordFormat& format_;
    std::unique_ptr<Register> register_;
    Pace& pace_;

    Rank prepared_;   // a rank that is already read, with our own value as its result
    Rank rank_;       // of the attempt under way
    ByteView base_;   // what it was read with
    Rank base_rank_;
    Bytes next_;      // what it writes
    Bytes value_;     // the committed record
    std::vector<Attempt> attempts_;  // of the operation under way: any of them may be taken up
    std::size_t oldest_ = 0;         // of them, once they are too many
    Bytes result_;                   // the record of the last change, where others have followed it
    bool followed_ = false;
    Bytes hint_;      // what glance() saw
    Rank seen_;       // the rank of what was shown last
    bool crowded_ = false;  // the last operation met others
    Draft draft_;

    std::uint64_t unsettled_ = 0;  // round of the first attempt of the last unsettled change
    Applied unsettled_in_base_ = Applied::no;
    Applied resolution_ = Applied::no;

    bool busy_ = false;
    Event free_;
};

}  // namespace diskpaxos
