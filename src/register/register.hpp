// The ranked register (Boichat et al.; Chockler & Malkhi, Active Disk Paxos), from one process.
//
// Contract (algorithms.md 3.1):
//  S  If write(r1, v1) ever commits and read(r2) with r2 > r1 returns (r0, v0), then r0 >= r1,
//     r0 < r2, and v0 was written by write(r0, v0) or is the initial value with r0 none.
//  N  An operation of rank r is refused only if some operation of a higher rank was invoked.
//  L  It ends if a quorum of the disks answers.
// A process uses every rank for one read and at most one write, read first.
//
// What the answers allow one to conclude:
//  Found        every lower-ranked write that ever commits is seen: its value, or a later one.
//  Written      certain: no value of a lower rank commits any more, every later read sees ours.
//  Refused      after a read: nothing was proposed. After a write: NOT a no. Our block lies on
//               some disks, and a later reader may adopt it. We learnt the rank to beat.
//  Unavailable  as Refused, but we learnt nothing: too few disks answered in time.
//  Usurped      somebody else writes our block. The process must stop at once.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "async/scope.hpp"
#include "async/world.hpp"
#include "quorum/rule.hpp"
#include "quorum/tally.hpp"
#include "register/climb.hpp"
#include "register/visit.hpp"

namespace diskpaxos {

struct Found {
    Rank rank;  // none: the initial value. The value itself is Register::value()
};
struct Written {};
struct Refused {
    Rank by;
};
struct Unavailable {};
struct Usurped {};

using ReadOutcome = std::variant<Found, Refused, Unavailable, Usurped>;
using WriteOutcome = std::variant<Written, Refused, Unavailable, Usurped>;

// What a look without a write showed (algorithms.md 4.5).
enum class Certainty : std::uint8_t {
    committed,  // the value in value() is committed and current: a linearizable read
    open,       // something is in motion, or a promise stands above: only a write can tell
};
using LookOutcome = std::variant<Certainty, Unavailable>;

class Register {
  public:
    // `patience`: how long a phase that met a higher promise still waits for other disks to make
    // up for it before it gives way. Longer where only those have refused it that it left out
    // (ceiling-C5): to begin again would be no better.
    Register(World& world, const QuorumRule& rule, std::uint32_t cell, Proposer me,
             Duration patience, std::vector<std::unique_ptr<Visit>> disks);

    // Phase 0: our own block, as a majority of the disks has it, and the highest rank in sight.
    // Once per process and register, before the first read or write (algorithms.md 7.1). It is
    // the first pass of a look, and tells as much.
    Task<LookOutcome> recover(Instant deadline);
    bool recovered() const { return recovered_; }

    Task<ReadOutcome> read(Rank rank, Instant deadline);

    // `next`: the rank that the write promises along with it; if it commits, `next` is read too,
    // with our own value as the result (algorithms.md 6.3). next >= rank; equal: no promise.
    Task<WriteOutcome> write(Rank rank, ByteView value, Rank next, Instant deadline);

    // One pass, and a second one only where the first cannot tell (algorithms.md 4.5). Recovers
    // along with it, if that has not been done.
    Task<LookOutcome> look(Instant deadline);

    // Ends, with true, when an active disk shows that a rank above `beyond` has been accepted; with
    // false at the deadline, or where no disk can tell. A hint: something may be worth a look.
    Task<bool> watch(Rank beyond, Instant deadline);

    // Whether the last look has shown that a write at the rank we have promised would be refused:
    // so many active disks have promised a higher one that no quorum is left.
    bool overtaken() const;

    // Whether the last write is known to have been accepted nowhere: every disk is active and has
    // refused it. So nobody will ever adopt it.
    bool written_nowhere() const;
    // Whether no disk has failed us when it was asked last.
    bool healthy() const { return failing_.empty(); }

    // From now on our ranks lie so many rounds above all that were seen, and above `round`.
    void lift(std::uint64_t rounds, std::uint64_t round = 0) {
        if (rounds == 0 && round == 0) return;
        climb_.lift(std::max(climb_.highest().round, round) + rounds);
    }

    // Above which rank to begin: the highest seen, unless a disk has told us that it would bar us there
    // (ceiling-C3).
    Rank floor();
    // Whether in the last phase a disk let nobody in as high as that, or it has waited in vain for
    // others than those it left out. Then climb() walks up what must be walked (ceiling-C5), for as
    // long as such a phase waits, and another read may begin at once; false: look first.
    bool barred() const { return climb_.is_barred() || (timed_out_ && foreseen()); }
    Task<bool> climb(Instant deadline);

    // From the next phase on, this disk of ours is reached so: it was absent until now. A phase or look
    // that is under way began without it, and ends without it.
    void admit(std::size_t disk, std::unique_ptr<Visit> visit);

    // Our block on this disk is damaged, and this is what the others have of it. True if it is whole now.
    Task<bool> mend(std::size_t disk, const OwnCopy& copy);

    ByteView value() const { return value_; }     // what the last read or look found
    Rank value_rank() const { return value_rank_; }
    Rank highest() const { return climb_.highest(); }  // the highest rank seen so far, ours included
    Rank committed() const { return committed_; } // the highest rank known to be committed
    Rank promised() const { return own_.promised; }
    Proposer me() const { return own_.me; }

    // Why each disk did not count in the last phase or look; `none` for those that did.
    const std::vector<Failure>& failures() const { return failures_; }
    bool timed_out() const { return timed_out_; }  // it ended with disks still silent
    std::size_t disks() const { return disks_.size(); }
    std::string_view disk_name(std::size_t disk) const { return disks_[disk]->name(); }
    Event& idle() { return scope_.idle(); }  // set while no visit is on its way
    const Own& own() const { return own_; }
    const Tally& tally() const { return tally_; }

  private:
    friend struct RegisterProbe;  // of the tests: what a state is, for tests/exhaustive
    enum class Doing : std::uint8_t { nothing, phase, look, confirm };

    Task<Decision> phase(Rank rank, Purposes needs, Instant deadline);
    Task<Decision> look_around(Doing what, Purposes needs, Proposer aside, Instant deadline);
    Task<Decision> decide(Instant deadline);
    Task<void> attend_visit(std::size_t disk, std::uint64_t phase);
    Task<void> attend_settling(std::size_t disk, std::uint64_t phase);
    Task<void> attend_look(std::size_t disk, std::uint64_t phase, Proposer aside);
    void begin(Doing what, Rank rank, Purposes needs);
    void judge_visit(std::size_t disk, const Sight& sight);
    void judge_look(std::size_t disk, const Sight& sight);
    void refused(std::size_t disk, Rank by, bool foreseen);
    void judge_confirm(std::size_t disk, const Sight& sight);
    bool failed(std::size_t disk, const Sight& sight);
    void offer(const RowSummary& row);
    Task<void> attend_watch(std::size_t disk);
    DiskSet silent() const;
    // The phase was refused by those alone that it left out.
    bool foreseen() const { return !surprised_ && !tally_.refused().empty(); }
    Rank least() const;
    void bear(Decision decision, Duration waited);
    Task<bool> walk(std::size_t disk, Rank above, Instant deadline);
    Task<void> attend_rung(std::size_t disk, Rank rank);
    bool seated() const;  // some disk is open to us; otherwise we only look
    bool unanimous() const;
    void take_own(const Decoded& block);
    bool settled() const;
    void settle(std::size_t disk, Rank accepted, ByteView value);
    Certainty first_glance() const;
    void note(Step::Kind kind, std::size_t disk, Rank other, std::uint64_t detail = 0);

    World& world_;
    const QuorumRule& rule_;
    std::uint32_t cell_;
    Duration patience_;
    Duration forbearance_;  // patience where no refusal was news, and the length of a walk (ceiling-C5)
    std::vector<std::unique_ptr<Visit>> disks_;
    std::vector<std::unique_ptr<Visit>> absent_;  // what stood in for disks that have come since
    bool mixed_ = false;  // some disks judge, and on others we have a block of our own

    Own own_;
    bool recovered_ = false;
    DiskSet settled_;  // mixed: where nothing of our predecessor can happen any more
    bool usurped_ = false;
    Climb climb_;
    Rank committed_;

    // The phase under way. Its rank is what no other promise may exceed.
    Doing doing_ = Doing::nothing;
    std::uint64_t phase_ = 0;
    Rank rank_;
    Tally tally_;
    bool surprised_ = false;  // a disk has refused it, and we did not know that it would
    Event decided_;
    std::vector<Failure> failures_;
    bool timed_out_ = false;
    DiskSet late_;  // admitted in the middle of it

    // What the counted disks of this phase have shown.
    Rank value_rank_;
    Bytes value_;
    Rank others_;                      // the highest promise of all
    std::vector<Rank> shown_;          // per disk: the highest accepted rank, of those that count
    DiskSet looked_;
    DiskSet failing_;                  // disks that did not count when they were asked last
    std::uint64_t write_phase_ = 0;    // of the last write
    DiskSet refused_write_;            // active disks that have refused it, late ones too
    DiskSet refusing_;                 // active disks that have promised more than we have

    DiskSet watched_;    // where a watch is out
    Rank watch_beyond_;
    Event news_;

    Scope scope_;  // last: its tasks die before what they refer to
    Scope watches_;
};

}  // namespace diskpaxos
