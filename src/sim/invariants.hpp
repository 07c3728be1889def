// Invariants: what must hold at every instant of every run, whatever the faults, judged from
// outside: from the bytes on the platters and the steps that the processes report.
//
//  P2  S: a read at rank r returns a rank at least that of every write below r that ever commits.
//      N: a refusal names a higher rank that somebody has started.
//      F4: no rank ever stands for two values.
//  P3  One write in flight per (disk, block) of a process. What an incarnation had counted on a
//      disk never regresses there while it lives, except by an injected fault; what served a phase
//      that ended well, not even under its successors. promised >= accepted in every block.
//      What an active disk's register has promised and accepted only rises, and a step that was
//      counted is durable there.
//  P4  Every committed record descends from every record committed at a lower rank; the version
//      rises by one with each change.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/trace.hpp"
#include "consensus/record.hpp"
#include "sim/path.hpp"

namespace diskpaxos::sim {

class Invariants {
  public:
    Invariants(const RecordFormat& format, std::uint32_t cells) : format_(format), cells_(cells) {}

    void landed(const Platter& platter, std::uint64_t block, bool faulty);
    void pushed(std::uint32_t cell, const Block& block);  // known, perhaps not durable yet
    void overlapped(const Platter& platter, std::uint64_t block);
    void died(Proposer incarnation);  // what it counted in no completed phase may be lost
    // `place`: where the process that reports the step writes its block on `platters`.
    void stepped(const std::vector<std::unique_ptr<Platter>>& platters, Place place,
                 const Step& step);

    // The values of all versions of a cell, along the lineage of its last commit.
    std::vector<Bytes> lineage(std::uint32_t cell) const;

    // The record that was pushed at that rank; null: none has been.
    const Bytes* value(std::uint32_t cell, Rank rank) const;

    bool violated() const { return !violation_.empty(); }
    const std::string& violation() const { return violation_; }
    void violate(std::string what);  // the first one stays
    void may_promise(std::uint32_t cell, Proposer who) { cells_[cell].proposers.insert(who); }

  private:
    struct CellWatch {
        std::map<Rank, Bytes> values;     // rank under which a value was pushed -> the value
        std::map<Rank, Rank> reads;       // rank of a read -> rank of what it found
        std::map<Rank, Rank> bases;       // rank of a write -> rank of what it was derived from
        std::set<Rank> commits;
        std::set<Proposer> proposers;     // that have started a phase
        std::map<Proposer, Rank> last_written;  // per process: the base of its fast path
    };
    struct Floor {  // below this a block must not fall
        Rank promised;
        Rank accepted;
        bool above(const Block& block) const {
            return promised > block.promised || accepted > block.accepted;
        }
    };
    struct Floors {
        Proposer by;
        Floor counted;    // by that incarnation
        Floor completed;  // by any, in a phase that a quorum carried
    };
    using Spot = std::pair<std::size_t, std::uint64_t>;  // platter, block

    void counted(const Platter& platter, Place place, const Step& step);
    void counted_by_agent(const Platter& platter, const Step& step);
    void landed_by_agent(const Platter& platter, std::uint64_t block, const Block& found);
    void completed(const Platter& platter, Place place, const Step& step);
    void pushed(CellWatch& cell, const Block& block);
    void phase_started(CellWatch& cell, Rank rank);
    void read_done(CellWatch& cell, const Step& step);
    void write_done(CellWatch& cell, const Step& step);
    void refused(CellWatch& cell, const Step& step);
    void check_version(CellWatch& cell, Rank rank);
    void check_descent(CellWatch& cell, Rank from, Rank to);

    const RecordFormat& format_;
    std::vector<CellWatch> cells_;
    std::map<Spot, Floors> floors_;
    std::map<Spot, Floor> registers_;  // of active disks
    std::string violation_;
};

std::string describe(Rank rank);

}  // namespace diskpaxos::sim
