// Process: one incarnation, built from the real Register, PassiveVisit and Cell, and the work it
// does. Its destruction is its death: frames vanish where they stand, what was submitted happens.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "async/scope.hpp"
#include "consensus/cell.hpp"
#include "register/active_visit.hpp"
#include "register/passive_visit.hpp"
#include "sim/history.hpp"
#include "sim/marks.hpp"
#include "sim/setup.hpp"
#include "sim/path.hpp"
#include "sim/world.hpp"

namespace diskpaxos::sim {

class Process;

// What a process shares with those who watch it.
class Surroundings {
  public:
    Surroundings(const Setup& s)
        : setup(s),
          rule(s.disks, s.quorum, s.quorum, s.quorum),
          format(s.geometry, s.kinds()),
          histories(s.geometry.cells) {}
    virtual ~Surroundings() = default;
    virtual void stepped(const Process& process, const Step& step) = 0;
    virtual void told(const Process& process, std::uint32_t cell, std::size_t operation) = 0;
    virtual void wrong(std::string what) = 0;
    virtual void left(const Process& process) = 0;  // a visitor is done, and goes

    const Setup setup;
    const Threshold rule;
    const RecordFormat format;
    Event calm;  // faults are over: from now on every operation must end well
    std::vector<History> histories;
    Marks marks;
    Duration longest_operation{};  // begun and ended well in the calm
};

class Process final : private Trace {
  public:
    // `visitor`: it leaves when it has done its operations.
    Process(SimWorld& world, Surroundings& around, unsigned number, Place place, Proposer me,
            std::vector<SimPath*> paths, bool visitor = false);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() override;

    unsigned number() const { return number_; }
    Place place() const { return place_; }
    Strand& strand() { return strand_; }
    const std::vector<SimPath*>& paths() const { return paths_; }
    bool finished() const { return finished_; }
    bool operating() const { return operating_; }

  private:
    void step(const Step& step) override;
    std::unique_ptr<Visit> visit(SimPath& path, std::uint32_t cell);
    Task<void> live();
    Task<void> operate(std::uint32_t cell, Operation::Kind kind);
    Task<void> settle(std::uint32_t cell);
    Task<void> mend(std::uint32_t cell);
    Task<std::optional<Rank>> damage(SimPath& path, std::uint32_t cell);
    Task<void> restore(SimPath& path, std::uint32_t cell, Rank damage, Block image);
    void tell_get(std::uint32_t cell, std::size_t id, const GetOutcome& outcome, bool due);
    void tell_change(std::uint32_t cell, std::size_t id, const ChangeOutcome& outcome, bool due);
    void stop_as_usurped();
    void mark_read();
    Operation draw(std::uint32_t cell, Operation::Kind kind);
    Operation::Kind draw_kind();
    Instant draw_deadline(bool due);
    std::uint64_t looks() const;
    Content content(std::uint32_t cell) const;

    SimWorld& sim_;
    Surroundings& around_;
    unsigned number_;
    Place place_;
    Strand strand_;
    World world_;
    Pace pace_;
    std::vector<SimPath*> paths_;
    std::vector<std::unique_ptr<Cell>> cells_;
    std::vector<std::optional<std::size_t>> unsettled_;  // per cell: the operation in question
    std::vector<std::uint64_t> known_version_;           // per cell, for conditions
    std::uint64_t looks_before_ = 0;
    std::uint64_t phases_ = 0;  // of the operation under way
    std::uint64_t damage_ = 0;
    bool visitor_;
    bool operating_ = false;
    bool stopped_ = false;
    bool finished_ = false;
    Scope scope_;  // last: its tasks die before what they refer to
};

}  // namespace diskpaxos::sim
